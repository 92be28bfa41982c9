# Installing the command: itself, its manual pages (made of its own help), its completions.
set_target_properties(leaselock_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS leaselock_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)

set(cli ${CMAKE_CURRENT_SOURCE_DIR}/src/cli)
set(pages "")
foreach(page leaselock leaselock-run leaselock-obtain leaselock-renew leaselock-release leaselock-ls leaselock-show
        leaselock-floor leaselock-migrate leaselock-version)
  string(REGEX REPLACE "^leaselock-?" "" command ${page})
  set(file ${PROJECT_BINARY_DIR}/man/${page}.1)
  add_custom_command(
    OUTPUT ${file}
    COMMAND leaselock_cli ${command} --help
            | awk -v name=${page} -v version=${PROJECT_VERSION} -f ${cli}/man/man.awk > ${file}
    DEPENDS leaselock_cli ${cli}/man/man.awk)
  list(APPEND pages ${file})
endforeach()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
add_custom_target(leaselock_man ALL DEPENDS ${pages})

install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
install(FILES ${cli}/completion/leaselock.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME leaselock COMPONENT runtime)
install(FILES ${cli}/completion/_leaselock DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT runtime)
