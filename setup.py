"The package's metadata, read from settings.ini"
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).resolve().parent
readme = here/'README.md'
parser = ConfigParser(delimiters=['=']); parser.read(here/'settings.ini', encoding='utf-8')
settings = parser['DEFAULT']
extras = {key.removesuffix('_requirements'): value.split() for key,value in settings.items() if key.endswith('_requirements')}
stages = ['1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable']
pythons = [f'3.{minor}' for minor in range(int(settings['min_python'].split('.')[1]), 14)]

setup(
    version=settings['version'], description=settings['description'], keywords=settings['keywords'].split(),
    author=settings['author'], author_email=settings['author_email'],
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else '', long_description_content_type='text/markdown',
    classifiers=[f"Development Status :: {stages[int(settings['status'])-1]}", f"Intended Audience :: {settings['audience']}",
        f"Natural Language :: {settings['language']}", 'Topic :: Multimedia :: Graphics :: 3D Modeling', 'Topic :: Scientific/Engineering :: Image Processing',
        *[f'Programming Language :: Python :: {version}' for version in ['3', *pythons]]],
    packages=find_packages(include=[settings['lib_path'], f"{settings['lib_path']}.*"]),
    package_data={settings['lib_path']: settings['package_data'].split()}, include_package_data=True,
    install_requires=settings['requirements'].split(), extras_require=extras,
    entry_points=dict(console_scripts=settings['console_scripts'].split(), nbdev=[f"{settings['lib_path']}={settings['lib_path']}._modidx:d"]),
    zip_safe=False)
