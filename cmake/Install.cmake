# cmake --install: binary, manual pages, completion, shipped data, systemd units. cpack: a .deb of the same.
set(IMGFORGE_GENERATED ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${IMGFORGE_GENERATED}/man/imgforge.1 ${IMGFORGE_GENERATED}/imgforge.bash ${IMGFORGE_GENERATED}/imgforge.fish ${IMGFORGE_GENERATED}/_imgforge
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${IMGFORGE_GENERATED}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${IMGFORGE_GENERATED}/man
  COMMAND imgforge manual --quiet ${IMGFORGE_GENERATED}/man
  COMMAND imgforge completion bash > ${IMGFORGE_GENERATED}/imgforge.bash
  COMMAND imgforge completion fish > ${IMGFORGE_GENERATED}/imgforge.fish
  COMMAND imgforge completion zsh > ${IMGFORGE_GENERATED}/_imgforge
  DEPENDS imgforge VERBATIM)
add_custom_target(generated_docs ALL DEPENDS ${IMGFORGE_GENERATED}/man/imgforge.1)

install(TARGETS imgforge RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS imgforge-host RUNTIME DESTINATION libexec/imgforge)
install(DIRECTORY ${IMGFORGE_GENERATED}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${IMGFORGE_GENERATED}/man/imgforge.recipe.5 ${IMGFORGE_GENERATED}/man/imgforge.config.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${IMGFORGE_GENERATED}/imgforge.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME imgforge)
install(FILES ${IMGFORGE_GENERATED}/imgforge.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${IMGFORGE_GENERATED}/_imgforge DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
# The same relative names as in the source tree: places.hpp, data_path().
foreach(folder templates seeds pipelines/recipes pipelines/labs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge/${folder}
          FILES_MATCHING PATTERN "*.yaml" PATTERN "*.json" PATTERN "*.recipe" PATTERN "*.gpg" PATTERN "*.asc" PATTERN "README.md" EXCLUDE)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/pipelines/units/ DESTINATION lib/systemd/system OPTIONAL
        FILES_MATCHING PATTERN "*.service" PATTERN "*.timer" PATTERN "*.path")
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "imgforge developers <dev@imgforge.invalid>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "qemu-system-x86, qemu-utils, openssh-client, gpgv")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvirt-daemon-system, libvirt-clients, dnsmasq-base, ovmf, libguestfs-xfs, linux-image-amd64, xorriso, mtools, dosfstools, isolinux, syslinux-common, apt-utils, zerofree")
set(CPACK_STRIP_FILES ON)
include(CPack)
