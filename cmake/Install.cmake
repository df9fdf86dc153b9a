# cmake --install: binary, manual pages, completion, shipped data, systemd units. cpack: a .deb of the same.
set(IMGFORGE_GENERATED ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${IMGFORGE_GENERATED}/man/imgforge.1 ${IMGFORGE_GENERATED}/imgforge.bash
  ${IMGFORGE_GENERATED}/imgforge.fish ${IMGFORGE_GENERATED}/_imgforge
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${IMGFORGE_GENERATED}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${IMGFORGE_GENERATED}/man
  COMMAND imgforge manual --quiet ${IMGFORGE_GENERATED}/man
  # Debian wants manual pages compressed, and without a time so that the package is reproducible.
  COMMAND sh -c "gzip -9nk ${IMGFORGE_GENERATED}/man/*.[15]"
  COMMAND imgforge completion bash > ${IMGFORGE_GENERATED}/imgforge.bash
  COMMAND imgforge completion fish > ${IMGFORGE_GENERATED}/imgforge.fish
  COMMAND imgforge completion zsh > ${IMGFORGE_GENERATED}/_imgforge
  COMMAND imgforge schema > ${IMGFORGE_GENERATED}/recipe.schema.json
  DEPENDS imgforge VERBATIM)
add_custom_target(generated_docs ALL DEPENDS ${IMGFORGE_GENERATED}/man/imgforge.1)

install(TARGETS imgforge RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${IMGFORGE_GENERATED}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
  FILES_MATCHING PATTERN "*.1.gz")
install(DIRECTORY ${IMGFORGE_GENERATED}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5
  FILES_MATCHING PATTERN "*.5.gz")
install(FILES ${IMGFORGE_GENERATED}/imgforge.bash DESTINATION
  ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME imgforge)
install(FILES ${IMGFORGE_GENERATED}/imgforge.fish DESTINATION
  ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${IMGFORGE_GENERATED}/_imgforge DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
# Beside the recipes, whose first line names it for editors.
foreach(folder pipelines/recipes pipelines/recipes/examples)
  install(FILES ${IMGFORGE_GENERATED}/recipe.schema.json
    DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge/${folder})
endforeach()
# The same relative names as in the source tree: places.hpp, data_path().
foreach(folder templates seeds pipelines/recipes pipelines/labs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/imgforge/${folder}
          FILES_MATCHING PATTERN "*.yaml" PATTERN "*.json" PATTERN "*.keys" PATTERN "*.recipe" PATTERN
          "*.cfg" PATTERN "*.gpg" PATTERN "*.asc" PATTERN "README.md" EXCLUDE)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/pipelines/fleet DESTINATION
  ${CMAKE_INSTALL_DATADIR}/imgforge/pipelines USE_SOURCE_PERMISSIONS
        PATTERN "README.md" EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/pipelines/units/ DESTINATION lib/systemd/system OPTIONAL
        FILES_MATCHING PATTERN "*.service" PATTERN "*.timer" PATTERN "*.path")
# What belongs to a package and not to the program: copyright, changelog, the commented settings, maintainer
# scripts.
set(package ${PROJECT_SOURCE_DIR}/cmake/package)
configure_file(${package}/changelog ${IMGFORGE_GENERATED}.package/changelog @ONLY)
execute_process(COMMAND gzip -9nf ${IMGFORGE_GENERATED}.package/changelog)
install(FILES ${package}/copyright ${IMGFORGE_GENERATED}.package/changelog.gz ${PROJECT_SOURCE_DIR}/README.md
              ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/imgforge)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/imgforge/docs
        FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
install(FILES ${package}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
  RENAME imgforge)
# /etc belongs to /usr (GNUInstallDirs), also where cpack installs below a directory of its own.
install(CODE "
  set(settings \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SYSCONFDIR}\")
  if(CMAKE_INSTALL_PREFIX MATCHES \"^(.*)/usr$\")
    set(settings \"\${CMAKE_MATCH_1}/etc\")
  endif()
  file(INSTALL \"${IMGFORGE_GENERATED}/man/config.yaml\" DESTINATION \"\${settings}/imgforge\")")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "imgforge developers <dev@imgforge.invalid>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What the README's first block needs without another word: a medium from the archive, an installation, an
# appliance, machines of the embedded driver. dpkg-shlibdeps finds the libraries that are linked; those that
# are loaded (builder/base/lazy_library.hpp) are named here.
set(IMGFORGE_LOADED_PACKAGES "libvirt0, libguestfs0, libcurl4 | libcurl4t64, libarchive13 | libarchive13t64, libssl3 | libssl3t64, libvectorscan5 | libhyperscan5")
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "qemu-system-x86, qemu-utils, openssh-client, gpgv, libvirt-daemon-system, linux-image-amd64 | linux-image-generic, xorriso, mtools, dosfstools, isolinux, syslinux-common, apt-utils, cpio, zstd, kmod, debian-archive-keyring, ${IMGFORGE_LOADED_PACKAGES}")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
  "libvirt-clients, dnsmasq-base, ovmf, libguestfs-xfs, zerofree, swtpm-tools")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "librbd1, ansible-core, python3-testinfra, nbdkit")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "golden images from installer ISOs, and virtual machines made of them")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "imgforge takes a distribution's installer ISO or a cloud image and ends
with running, unique virtual machines. A recipe is run in stages: an
unattended installation, clean-up with an audit that proves it,
compaction, publication as a numbered read-only generation, and machines
made of a qcow2 overlay, a cloud-init seed and a libvirt domain.")
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "https://imgforge.invalid/")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${package}/postinst;${package}/prerm;${package}/postrm;${IMGFORGE_GENERATED}.package/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${IMGFORGE_GENERATED}.package/conffiles "/etc/imgforge/config.yaml\n")
set(CPACK_STRIP_FILES ON)
include(CPack)
