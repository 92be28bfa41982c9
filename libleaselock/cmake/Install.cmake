# cmake --install: components runtime (library, command), dev (headers, pkg-config, CMake package), python, lua.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS leaselock EXPORT leaselock-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

# A database's owner may want to make the tables himself, with any tool that runs golang-migrate's files.
foreach(engine IN LISTS LEASELOCK_ENGINES)
  if(IS_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/src/engines/${engine}/migrations)
    install(DIRECTORY src/engines/${engine}/migrations/
            DESTINATION ${CMAKE_INSTALL_DATADIR}/leaselock/migrations/${engine} COMPONENT runtime)
  endif()
endforeach()

# Relative, so that the tree may be installed under any prefix, and moved.
file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(leaselock.pc.in ${generated}/leaselock.pc @ONLY)
install(FILES ${generated}/leaselock.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leaselock)
install(EXPORT leaselock-targets NAMESPACE leaselock:: DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(cmake/leaselock-config.cmake.in ${generated}/leaselock-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${generated}/leaselock-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/leaselock-config.cmake ${generated}/leaselock-config-version.cmake
        DESTINATION ${package_dir} COMPONENT dev)

if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -D MANIFESTS=${PROJECT_BINARY_DIR}
                    -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/uninstall.cmake VERBATIM)
endif()
