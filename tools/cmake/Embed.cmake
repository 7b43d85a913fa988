# Compiles the shaders and puts them, with everything under assets/ that the program reads, into divlens_core.
# The list of files is embedded_files.h: lines EMBED(number, "name", "path"), read by src/embedded.S and src/embedded.cpp.

set(embed_names "")
macro(embed name path)
  list(APPEND embed_names "${name}")
  set(embed_path_${name} "${path}")
endmacro()

file(GLOB shader_sources CONFIGURE_DEPENDS shaders/*.comp shaders/*.vert shaders/*.frag)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/shaders)
foreach(source IN LISTS shader_sources)
  get_filename_component(shader ${source} NAME)
  set(spirv ${CMAKE_BINARY_DIR}/shaders/${shader}.spv)
  set(validate "")
  if(SPIRV_VAL_PROGRAM)
    set(validate COMMAND ${SPIRV_VAL_PROGRAM} --target-env vulkan1.2 ${spirv}.new)
  endif()
  # Renamed only once it is valid: a rejected shader must not look up to date to the next build.
  add_custom_command(OUTPUT ${spirv}
    COMMAND ${GLSLC_PROGRAM} --target-env=vulkan1.2 -O0 -Werror -MD -MF ${spirv}.d -MT ${spirv} -o ${spirv}.new ${source}
    ${validate}
    COMMAND ${CMAKE_COMMAND} -E rename ${spirv}.new ${spirv}
    MAIN_DEPENDENCY ${source} DEPFILE ${spirv}.d
    COMMENT "Compiling shader ${shader}" VERBATIM)
  embed("shaders/${shader}.spv" ${spirv})
endforeach()

file(GLOB assets CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/assets
  assets/colormaps/*.csv assets/colors/*.csv assets/fonts/*.ttf assets/presets/*)
foreach(asset IN LISTS assets)
  embed(${asset} ${PROJECT_SOURCE_DIR}/assets/${asset})
endforeach()

# GLSL that is compiled at run time, with what it includes.
file(GLOB shader_texts CONFIGURE_DEPENDS shaders/*.glsl shaders/*.h shaders/pairs.comp shaders/topk_pairs.comp)
foreach(text IN LISTS shader_texts)
  get_filename_component(name ${text} NAME)
  embed("glsl/${name}" ${text})
endforeach()

list(SORT embed_names)
set(embed_list "")
set(embed_number 0)
set(embed_paths "")
foreach(name IN LISTS embed_names)
  string(APPEND embed_list "EMBED(${embed_number}, \"${name}\", \"${embed_path_${name}}\")\n")
  list(APPEND embed_paths "${embed_path_${name}}")
  math(EXPR embed_number "${embed_number} + 1")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/embedded/embedded_files.h CONTENT "${embed_list}" @ONLY)
target_include_directories(divlens_core PRIVATE ${CMAKE_BINARY_DIR}/embedded)
set_source_files_properties(src/embedded.S PROPERTIES OBJECT_DEPENDS "${embed_paths}")
