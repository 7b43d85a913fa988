#include "gpu/graphics.h"

#include "gpu/check.h"

namespace divlens::gpu {

GraphicsPipeline::GraphicsPipeline(const Context& context, VkRenderPass pass, const std::string& vertexShader,
                                   const std::string& fragmentShader, uint32_t bindings, uint32_t pushBytes,
                                   VkShaderStageFlags stagesThatRead)
    : device_(context.device()), stages_(stagesThatRead), layout_(context, bindings, pushBytes, stages_) {
  const ShaderModule vertex(context, vertexShader);
  const ShaderModule fragment(context, fragmentShader);
  const VkPipelineShaderStageCreateInfo stages[] = {{.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                     .stage = VK_SHADER_STAGE_VERTEX_BIT,
                                                     .module = vertex.handle(),
                                                     .pName = "main"},
                                                    {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                     .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                                     .module = fragment.handle(),
                                                     .pName = "main"}};
  const VkPipelineVertexInputStateCreateInfo input{.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  const VkPipelineInputAssemblyStateCreateInfo assembly{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
  const VkPipelineViewportStateCreateInfo viewport{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO, .viewportCount = 1, .scissorCount = 1};
  const VkPipelineRasterizationStateCreateInfo raster{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
  const VkPipelineMultisampleStateCreateInfo samples{.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
                                                     .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
  const VkPipelineColorBlendAttachmentState attachment{.blendEnable = VK_TRUE,
                                                       .srcColorBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA,
                                                       .dstColorBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
                                                       .srcAlphaBlendFactor = VK_BLEND_FACTOR_ONE,
                                                       .dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA,
                                                       .colorWriteMask = 0xf};
  const VkPipelineColorBlendStateCreateInfo blend{.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                  .attachmentCount = 1,
                                                  .pAttachments = &attachment};
  const VkDynamicState dynamic[] = {VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  const VkPipelineDynamicStateCreateInfo dynamics{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO, .dynamicStateCount = 2, .pDynamicStates = dynamic};
  const VkGraphicsPipelineCreateInfo create{.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                            .stageCount = 2,
                                            .pStages = stages,
                                            .pVertexInputState = &input,
                                            .pInputAssemblyState = &assembly,
                                            .pViewportState = &viewport,
                                            .pRasterizationState = &raster,
                                            .pMultisampleState = &samples,
                                            .pColorBlendState = &blend,
                                            .pDynamicState = &dynamics,
                                            .layout = layout_.handle(),
                                            .renderPass = pass};
  check(vkCreateGraphicsPipelines(device_, context.pipelineCache(), 1, &create, nullptr, &pipeline_),
        "vkCreateGraphicsPipelines");
  context.nameObject(VK_OBJECT_TYPE_PIPELINE, reinterpret_cast<uint64_t>(pipeline_), fragmentShader.c_str());
}

GraphicsPipeline::~GraphicsPipeline() { vkDestroyPipeline(device_, pipeline_, nullptr); }

void GraphicsPipeline::draw(VkCommandBuffer commands, VkDescriptorSet set, std::span<const std::byte> push,
                            VkExtent2D extent, VkRect2D scissor, uint32_t vertices, uint32_t instances) const {
  const VkViewport viewport{.width = float(extent.width), .height = float(extent.height), .maxDepth = 1};
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
  vkCmdSetViewport(commands, 0, 1, &viewport);
  vkCmdSetScissor(commands, 0, 1, &scissor);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_.handle(), 0, 1, &set, 0, nullptr);
  vkCmdPushConstants(commands, layout_.handle(), stages_, 0, uint32_t(push.size()), push.data());
  vkCmdDraw(commands, vertices, instances, 0, 0);
}

}  // namespace divlens::gpu
