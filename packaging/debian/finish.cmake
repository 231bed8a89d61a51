# Turns the installed files of each package, before they are packed, into what Debian's policy wants: man pages and long documents
# compressed, the documents that every package has, and what lintian is to overlook. Called by cpack.

# gzip -n: no name and no time, so that the same files make the same package.
function(compress)
  if(ARGN)
    execute_process(COMMAND gzip -9nf ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endfunction()

# gzip leaves links alone: one to a page that is compressed now has to name it so.
function(compress_pages)
  foreach(page ${ARGN})
    if(IS_SYMLINK ${page})
      file(READ_SYMLINK ${page} target)
      file(REMOVE ${page})
      file(CREATE_LINK ${target}.gz ${page}.gz SYMBOLIC)
    else()
      compress(${page})
    endif()
  endforeach()
endfunction()

# LICENSE in the machine-readable form of Debian, and the licences of the header libraries that are compiled into programs. fmt is
# not among these: its licence has an exception for compiled code.
function(write_copyright directory has_program)
  if(has_program)
    file(READ ${CPACK_MDEVADM_SOURCE_DIR}/packaging/debian/libraries.copyright libraries)
    string(PREPEND libraries "\n")
  endif()
  file(READ ${CPACK_MDEVADM_SOURCE_DIR}/LICENSE text)
  string(REGEX MATCH "Copyright \\(c\\) ([^\n]+)\n\n(.*)$" found "${text}")
  if(NOT found)
    message(FATAL_ERROR "LICENSE does not say whose it is")
  endif()
  set(holder ${CMAKE_MATCH_1})
  string(STRIP "${CMAKE_MATCH_2}" license)
  string(REPLACE "\n\n" "\n.\n" license "${license}")
  string(REPLACE "\n" "\n " license "${license}")
  file(WRITE ${directory}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: mdevadm

Files: *
Copyright: ${holder}
License: Expat

License: Expat
 ${license}
${libraries}")
endfunction()

# The project's changes as the upstream changelog, and the package's own, which only says which version this is.
function(write_changelogs directory name)
  file(REMOVE ${directory}/CHANGELOG.md)
  file(COPY_FILE ${CPACK_MDEVADM_SOURCE_DIR}/CHANGELOG.md ${directory}/changelog)
  set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
  string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${directory}/changelog.Debian "${name} (${version}) unstable; urgency=medium

  * mdevadm ${CPACK_PACKAGE_VERSION}; its changes are in changelog.gz.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${now}
")
  compress(${directory}/changelog ${directory}/changelog.Debian)
endfunction()

function(finish component)
  string(TOUPPER ${component} key)
  set(name ${CPACK_DEBIAN_${key}_PACKAGE_NAME})
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
  set(usr ${root}/usr)
  set(has_program TRUE)
  if(CPACK_DEBIAN_${key}_PACKAGE_ARCHITECTURE STREQUAL "all")
    set(has_program FALSE)
  endif()
  write_copyright(${usr}/share/doc/${name} ${has_program})
  write_changelogs(${usr}/share/doc/${name} ${name})
  file(GLOB pages ${usr}/share/man/man*/*)
  compress_pages(${pages})
  file(GLOB long ${usr}/share/doc/${name}/README.md)
  compress(${long})
  set(overrides ${CPACK_MDEVADM_SOURCE_DIR}/packaging/debian/${component}/lintian-overrides)
  if(EXISTS ${overrides})
    file(MAKE_DIRECTORY ${usr}/share/lintian/overrides)
    file(COPY_FILE ${overrides} ${usr}/share/lintian/overrides/${name})
  endif()
  # The umask of who builds is not to matter.
  execute_process(COMMAND chmod -R u=rwX,go=rX ${root} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

foreach(component ${CPACK_COMPONENTS_ALL})
  finish(${component})
endforeach()
