// viewer.js and three.js -> one ES module that the package carries, with the notice that the MIT licence asks for.
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'

const licence = readFileSync(new URL('./node_modules/three/LICENSE', import.meta.url), 'utf8')
await build({
  entryPoints: ['viewer.js'], outfile: '../../nextgenface_nb/widgets/viewer.js', bundle: true, format: 'esm', minify: true, target: 'es2022', charset: 'utf8', legalComments: 'none',
  banner: { js: `/*! The 3D view of nextgenface_nb (Apache-2.0; source: tools/viewer/viewer.js), with three.js in it:\n\n${licence.trim()}\n*/` },
})
