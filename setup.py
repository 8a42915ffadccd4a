"The package's metadata, read from settings.ini"
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).resolve().parent
readme = here/'README.md'
parser = ConfigParser(delimiters=['=']); parser.read(here/'settings.ini', encoding='utf-8')
settings = parser['DEFAULT']
extras = {key.removesuffix('_requirements'): value.split() for key,value in settings.items() if key.endswith('_requirements')}
stages = ['1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable']
pythons = [f'3.{minor}' for minor in range(int(settings['min_python'].split('.')[1]), 14)]

class BuildWithData(build_py):
    "Data lies at the top of the source, and beside the modules in a wheel: what `data_in_wheel` names goes there, and into the source distribution, and nothing else does"
    def carried(self): # where it goes -> where it is
        return {str(Path(self.build_lib, settings['lib_path'], name)): str(Path(name)) for name in settings['data_in_wheel'].split()}
    def run(self):
        super().run()
        for goal,source in ({} if self.editable_mode else self.carried()).items():
            self.mkpath(str(Path(goal).parent))
            self.copy_file(source, goal)
    def get_source_files(self): return [*super().get_source_files(), *self.carried().values()]
    def get_output_mapping(self): return {**super().get_output_mapping(), **self.carried()}
    def get_outputs(self, include_bytecode=True): return sorted({*super().get_outputs(include_bytecode), *self.carried()})

setup(
    version=settings['version'], description=settings['description'], keywords=settings['keywords'].split(),
    author=settings['author'], author_email=settings['author_email'],
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else '', long_description_content_type='text/markdown',
    classifiers=[f"Development Status :: {stages[int(settings['status'])-1]}", f"Intended Audience :: {settings['audience']}",
        f"Natural Language :: {settings['language']}", 'Topic :: Multimedia :: Graphics :: 3D Modeling', 'Topic :: Scientific/Engineering :: Image Processing',
        *[f'Programming Language :: Python :: {version}' for version in ['3', *pythons]]],
    packages=find_packages(include=[settings['lib_path'], f"{settings['lib_path']}.*"]), cmdclass=dict(build_py=BuildWithData),
    package_data={settings['lib_path']: settings['package_data'].split()}, include_package_data=False,
    install_requires=settings['requirements'].split(), extras_require=extras,
    entry_points=dict(console_scripts=settings['console_scripts'].split(), nbdev=[f"{settings['lib_path']}={settings['lib_path']}._modidx:d"]),
    zip_safe=False)
