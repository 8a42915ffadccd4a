// What the Khronos validator says of glTF files:  node tools/validate_glb.mjs FILE ...
// Needs the npm package gltf-validator: npm ci in tools/viewer, or a folder named by NODE_PATH. Exit code 1: errors or warnings; 3: no validator.
import {createRequire} from 'node:module'
import fs from 'node:fs'
let validator
try { validator = createRequire(new URL('viewer/', import.meta.url))('gltf-validator') }
catch { console.error('gltf-validator is not installed: (cd tools/viewer && npm ci)'); process.exit(3) }
let bad = 0
for (const file of process.argv.slice(2)) {
  const {issues, info} = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {uri: file, maxIssues: 30})
  for (const m of issues.messages) console.log(`  ${['error', 'warning', 'info', 'hint'][m.severity]} ${m.code} ${m.pointer ?? ''}: ${m.message}`)
  console.log(`${file}: ${issues.numErrors} errors, ${issues.numWarnings} warnings, ${issues.numInfos} notes, ${issues.numHints} hints; ${info?.totalVertexCount} vertices, ${info?.maxAttributes} attributes, extensions ${info?.extensionsUsed}`)
  bad += issues.numErrors + issues.numWarnings
}
process.exit(bad ? 1 : 0)
