# <build>/python/leaselock: the package, complete. Its Python files are links, so that an edit needs no build.
find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter Development.Module)

set(python_package ${PROJECT_BINARY_DIR}/python/leaselock)
set(python_wrapper ${CMAKE_CURRENT_BINARY_DIR}/leaselock_python.c)

# Not UseSWIG: with -noproxy it waits for a _core.py that is never written, and builds again every time.
add_custom_command(
  OUTPUT ${python_wrapper}
  COMMAND ${SWIG_EXECUTABLE} -python -noproxy -module _core -Wall -MMD -MF ${python_wrapper}.d
          -I${PROJECT_SOURCE_DIR}/libleaselock/include -o ${python_wrapper} ${CMAKE_CURRENT_SOURCE_DIR}/leaselock.i
  MAIN_DEPENDENCY leaselock.i
  DEPFILE ${python_wrapper}.d
  COMMENT "Wrapping for Python"
  VERBATIM)

Python3_add_library(leaselock_python MODULE ${python_wrapper})
set_target_properties(leaselock_python PROPERTIES OUTPUT_NAME _core LIBRARY_OUTPUT_DIRECTORY ${python_package})
# gettid; and a type table apart from those of other SWIG modules in the process
target_compile_definitions(leaselock_python PRIVATE _GNU_SOURCE SWIG_TYPE_TABLE=leaselock)
target_link_libraries(leaselock_python PRIVATE leaselock_for_modules)
if(LEASELOCK_ABI3)
  # by hand: USE_SABI of Python3_add_library needs CMake 3.26
  target_compile_definitions(leaselock_python PRIVATE Py_LIMITED_API=0x030a0000)
  set_target_properties(leaselock_python PROPERTIES SUFFIX .abi3.so)
endif()

file(GLOB python_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bindings/python/leaselock/*.py
     ${PROJECT_SOURCE_DIR}/bindings/python/leaselock/*.pyi ${PROJECT_SOURCE_DIR}/bindings/python/leaselock/py.typed)
file(MAKE_DIRECTORY ${python_package})
file(GLOB python_links ${python_package}/*.py ${python_package}/*.pyi)
if(python_links)
  file(REMOVE ${python_links}) # of files that are gone
endif()
foreach(python_file IN LISTS python_files)
  get_filename_component(python_name ${python_file} NAME)
  file(CREATE_LINK ${python_file} ${python_package}/${python_name} SYMBOLIC)
endforeach()

# A wheel brings the Python files itself.
if(SKBUILD)
  install(TARGETS leaselock_python LIBRARY DESTINATION leaselock COMPONENT python)
else()
  set(LEASELOCK_PYTHON_DIR lib/python${Python3_VERSION_MAJOR}.${Python3_VERSION_MINOR}/site-packages CACHE STRING
      "Where `cmake --install` puts the Python package, below the prefix")
  install(TARGETS leaselock_python LIBRARY DESTINATION ${LEASELOCK_PYTHON_DIR}/leaselock COMPONENT python)
  install(FILES ${python_files} DESTINATION ${LEASELOCK_PYTHON_DIR}/leaselock COMPONENT python)
endif()
