from Cython.Build import cythonize
from setuptools import Extension, setup
setup(ext_modules=cythonize([Extension("wsserve.codec._masking_c", ["codec/_masking_c.pyx"]), Extension("wsserve.codec._wire_c", ["codec/wire.py"])], build_dir="build/cython", language_level=3))
