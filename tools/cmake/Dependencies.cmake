# Every library comes from the system: tools/setup installs the packages.
find_package(Threads REQUIRED)
find_package(Vulkan REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(Freetype REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(glm REQUIRED)
find_package(glfw3 REQUIRED)
find_package(CLI11 REQUIRED)
find_program(GLSLC_PROGRAM glslc REQUIRED)
find_program(SPIRV_VAL_PROGRAM spirv-val)

find_package(PkgConfig REQUIRED)
pkg_check_modules(PANGO REQUIRED IMPORTED_TARGET pangocairo fontconfig)
add_library(divlens_text ALIAS PkgConfig::PANGO)

# OpenBLAS, with LAPACK in it: eigenvalues. Several threads would make bits depend on their number; the program asks for
# one, whichever variant is installed. Loading it costs 3 ms.
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
add_library(divlens_lapack ALIAS PkgConfig::OPENBLAS)

# Dear ImGui: Debian's archive holds the core, the FreeType rasteriser and the GLFW and Vulkan backends. An imported
# target, so that what it needs follows it on the link line.
find_path(IMGUI_INCLUDE_DIR imgui.h PATH_SUFFIXES imgui REQUIRED)
find_path(IMGUI_BACKENDS_DIR imgui_impl_vulkan.h PATHS ${IMGUI_INCLUDE_DIR} PATH_SUFFIXES backends imgui/backends REQUIRED)
find_library(IMGUI_LIBRARY imgui REQUIRED)
find_library(STB_LIBRARY stb)  # ImGui's font and rectangle packers, where the distribution splits them off
add_library(divlens_imgui UNKNOWN IMPORTED)
set_target_properties(divlens_imgui PROPERTIES
  IMPORTED_LOCATION ${IMGUI_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES "${IMGUI_INCLUDE_DIR};${IMGUI_BACKENDS_DIR}"
  INTERFACE_LINK_LIBRARIES "$<$<BOOL:${STB_LIBRARY}>:${STB_LIBRARY}>;Freetype::Freetype;glfw;Vulkan::Vulkan;${CMAKE_DL_LIBS}")

# shaderc compiles users' own divergences at run time. Debian's libshaderc.so does not link by itself; the static archive
# does, with glslang and SPIRV-Tools behind it. The target exists only where the packages do.
find_library(SHADERC_LIBRARY NAMES libshaderc_combined.a)
if(SHADERC_LIBRARY)
  set(shaderc_needs "")
  foreach(name SPIRV glslang MachineIndependent GenericCodeGen OSDependent OGLCompiler SPIRV-Tools-opt SPIRV-Tools)
    find_library(SHADERC_NEEDS_${name} NAMES lib${name}.a)
    mark_as_advanced(SHADERC_NEEDS_${name})
    if(SHADERC_NEEDS_${name})
      list(APPEND shaderc_needs ${SHADERC_NEEDS_${name}})
    endif()
  endforeach()
  add_library(divlens_shaderc STATIC IMPORTED)
  set_target_properties(divlens_shaderc PROPERTIES
    IMPORTED_LOCATION ${SHADERC_LIBRARY}
    INTERFACE_LINK_LIBRARIES "${shaderc_needs};Threads::Threads")
endif()

# MPI lets several processes share the work. It is started only where a launcher started divlens; linking it costs 2 ms.
option(DIVLENS_MPI "Use MPI where it is installed" ON)
if(DIVLENS_MPI)
  find_package(MPI COMPONENTS C)
  if(MPI_C_FOUND)
    add_library(divlens_mpi INTERFACE)
    target_link_libraries(divlens_mpi INTERFACE MPI::MPI_C)
    target_compile_definitions(divlens_mpi INTERFACE DIVLENS_MPI OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  endif()
endif()
