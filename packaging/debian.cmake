# Debian packages of what is built: "cpack" in the build directory. A package is an install component; its other parts (control
# scripts, its description, overrides of lintian) lies in debian/COMPONENT/, and debian/finish.cmake turns installed files into
# those that Debian wants. Nothing of this is installed by cmake --install.
#
# A package is added by mdevadm_package() below, with COMPONENT in its install rules and a file debian/COMPONENT/description: its
# first line is the synopsis. postinst and the like, conffiles and lintian-overrides beside it are taken along if they are there.

# The man pages name directories below the configured prefix, and the files of a package are in /usr.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  return()
endif()

# Packages depend on the libraries of the release that they are built on. A lower revision for an older release makes apt replace
# them when the system is upgraded: 1~deb12 < 1~deb13 < 1~forky < 1. Testing and unstable have a codename and no VERSION_ID.
cmake_host_system_information(RESULT host QUERY DISTRIB_INFO)
set(revision 1)
if(host_VERSION_ID)
  string(REGEX REPLACE "^debian$" deb id "${host_ID}")
  set(revision 1~${id}${host_VERSION_ID})
elseif(host_VERSION_CODENAME)
  set(revision 1~${host_VERSION_CODENAME})
endif()
set(MDEVADM_PACKAGE_REVISION ${revision} CACHE STRING "Revision of the Debian packages of this version")
set(MDEVADM_PACKAGE_MAINTAINER "the mdevadm authors <mdevadm@example.org>" CACHE STRING "Maintainer of the Debian packages")

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${MDEVADM_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${MDEVADM_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# The first line of each package's own description stands for it.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian/finish.cmake)
set(CPACK_MDEVADM_SOURCE_DIR ${PROJECT_SOURCE_DIR})
# A debug build keeps its symbols; to press all these as small as can be takes a minute.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
else()
  set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
  set(CPACK_STRIP_FILES ON)
endif()
set(CPACK_COMPONENTS_ALL)

# mdevadm_package(COMPONENT NAME [ARCHITECTURE|SECTION|DEPENDS|RECOMMENDS|SUGGESTS|PROVIDES|CONFLICTS|REPLACES TEXT]...
#                 [WITH COMPONENT...])
# makes the package NAME of COMPONENT. It depends on the libraries that its programs need, and with WITH on other packages of ours
# in the same version.
function(mdevadm_package component name)
  set(fields ARCHITECTURE SECTION DEPENDS RECOMMENDS SUGGESTS PROVIDES CONFLICTS REPLACES)
  cmake_parse_arguments(ARG "" "${fields}" "WITH" ${ARGN})
  set(directory ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/debian/${component})
  string(TOUPPER ${component} key)
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
  set(CPACK_COMPONENT_${key}_DEPENDS ${ARG_WITH} PARENT_SCOPE)
  set(CPACK_DEBIAN_${key}_PACKAGE_NAME ${name} PARENT_SCOPE)
  foreach(field ${fields})
    if(DEFINED ARG_${field})
      set(CPACK_DEBIAN_${key}_PACKAGE_${field} "${ARG_${field}}" PARENT_SCOPE)
    endif()
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${directory}/description)
  file(READ ${directory}/description description)
  set(CPACK_DEBIAN_${key}_DESCRIPTION "${description}" PARENT_SCOPE)
  file(GLOB control CONFIGURE_DEPENDS ${directory}/preinst ${directory}/postinst ${directory}/prerm ${directory}/postrm ${directory}/conffiles)
  set(CPACK_DEBIAN_${key}_PACKAGE_CONTROL_EXTRA "${control}" PARENT_SCOPE)
endfunction()

# These libraries are loaded when they are needed, so that dpkg-shlibdeps does not find them in the program. Without libexpat only the names
# of some types of NVIDIA are missing, without libyaml only `import vgpu-device-manager`.
mdevadm_package(mdevadm mdevadm SECTION admin DEPENDS "libsmartcols1 (>= 2.38), libuuid1 (>= 2.31)" RECOMMENDS "libexpat1, libyaml-0-2" SUGGESTS mdevsim)
# Directories of definitions; the program creates them if they are missing.
install(DIRECTORY DESTINATION /etc/mdevadm/devices COMPONENT mdevadm EXCLUDE_FROM_ALL)
install(DIRECTORY DESTINATION /etc/mdevadm/groups COMPONENT mdevadm EXCLUDE_FROM_ALL)

# As mdevctl 1.4.0 to what asks for a version of it. Definitions outlive the package: they are mdevctl's too.
mdevadm_package(mdevctl mdevadm-mdevctl ARCHITECTURE all SECTION admin WITH mdevadm
  PROVIDES "mdevctl (= 1.4.0)" CONFLICTS mdevctl REPLACES mdevctl)

if(MDEVADM_SIM)
  mdevadm_package(mdevsim mdevsim SECTION utils DEPENDS "libuuid1 (>= 2.31)" RECOMMENDS mdevadm)
endif()

include(CPack)
