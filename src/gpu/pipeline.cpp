#include "gpu/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "embedded.h"
#include "error.h"
#include "gpu/check.h"
#include "gpu/pipeline_store.h"

namespace divlens::gpu {
namespace {

constexpr uint32_t kMaxGroups = 65535;
constexpr uint32_t kTexelBuffersPerSet = 2;

}  // namespace

ShaderModule::ShaderModule(const Context& context, const std::string& name, std::span<const uint32_t> given)
    : device_(context.device()) {
  const auto code = given.empty() ? embedded("shaders/" + name + ".spv") : std::as_bytes(given);
  if (code.empty()) throw Error(Exit::Failure, fmt::format("shader {} is not in this binary; rebuild divlens", name));
  const VkShaderModuleCreateInfo create{.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                        .codeSize = code.size(),
                                        .pCode = reinterpret_cast<const uint32_t*>(code.data())};
  check(vkCreateShaderModule(device_, &create, nullptr, &module_), "vkCreateShaderModule");
  context.nameObject(VK_OBJECT_TYPE_SHADER_MODULE, reinterpret_cast<uint64_t>(module_), name.c_str());
}

TexelView::TexelView(const Context& context, const Buffer& buffer, uint64_t offset, uint64_t bytes)
    : device_(context.device()) {
  const VkBufferViewCreateInfo create{.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                      .buffer = buffer.handle(),
                                      .format = VK_FORMAT_R32G32B32A32_UINT,
                                      .offset = offset,
                                      .range = bytes};
  check(vkCreateBufferView(device_, &create, nullptr, &view_), "vkCreateBufferView");
}

TexelView::~TexelView() {
  if (view_) vkDestroyBufferView(device_, view_, nullptr);
}

ShaderModule::~ShaderModule() { vkDestroyShaderModule(device_, module_, nullptr); }

PipelineLayout::PipelineLayout(const Context& context, uint32_t bindings, uint32_t pushBytes, VkShaderStageFlags stages,
                               uint32_t texelBindings)
    : device_(context.device()) {
  std::vector<VkDescriptorSetLayoutBinding> list;
  for (uint32_t i = 0; i < bindings; ++i)
    list.push_back({.binding = i,
                    .descriptorType =
                        i < texelBindings ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                    .descriptorCount = 1,
                    .stageFlags = stages});
  const VkDescriptorSetLayoutCreateInfo set{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = bindings, .pBindings = list.data()};
  check(vkCreateDescriptorSetLayout(device_, &set, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
  const VkPushConstantRange push{.stageFlags = stages, .size = pushBytes};
  const VkPipelineLayoutCreateInfo create{.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                          .setLayoutCount = 1,
                                          .pSetLayouts = &setLayout_,
                                          .pushConstantRangeCount = pushBytes ? 1u : 0u,
                                          .pPushConstantRanges = &push};
  check(vkCreatePipelineLayout(device_, &create, nullptr, &layout_), "vkCreatePipelineLayout");
}

PipelineLayout::~PipelineLayout() {
  vkDestroyPipelineLayout(device_, layout_, nullptr);
  vkDestroyDescriptorSetLayout(device_, setLayout_, nullptr);
}

DescriptorPool::DescriptorPool(const Context& context, uint32_t sets, uint32_t buffersPerSet)
    : device_(context.device()) {
  const VkDescriptorPoolSize sizes[] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets * buffersPerSet},
                                        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, sets * kTexelBuffersPerSet}};
  const VkDescriptorPoolCreateInfo create{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = sets, .poolSizeCount = 2, .pPoolSizes = sizes};
  check(vkCreateDescriptorPool(device_, &create, nullptr, &pool_), "vkCreateDescriptorPool");
}

DescriptorPool::~DescriptorPool() { vkDestroyDescriptorPool(device_, pool_, nullptr); }

void DescriptorPool::reset() { check(vkResetDescriptorPool(device_, pool_, 0), "vkResetDescriptorPool"); }

VkDescriptorSet DescriptorPool::make(const PipelineLayout& layout, std::span<const BufferRange> buffers) {
  const VkDescriptorSetLayout setLayout = layout.setLayout();
  const VkDescriptorSetAllocateInfo allocate{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = pool_,
                                             .descriptorSetCount = 1,
                                             .pSetLayouts = &setLayout};
  VkDescriptorSet set = VK_NULL_HANDLE;
  check(vkAllocateDescriptorSets(device_, &allocate, &set), "vkAllocateDescriptorSets");
  std::vector<VkDescriptorBufferInfo> infos;
  for (const BufferRange& b : buffers)
    infos.push_back({.buffer = b.buffer->handle(),
                     .offset = b.offset,
                     .range = b.bytes ? b.bytes : std::max<uint64_t>(b.buffer->bytes(), 16) - b.offset});
  std::vector<VkWriteDescriptorSet> writes;
  for (uint32_t i = 0; i < infos.size(); ++i)
    writes.push_back({.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                      .dstSet = set,
                      .dstBinding = i,
                      .descriptorCount = 1,
                      .descriptorType = buffers[i].texels ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                          : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                      .pBufferInfo = &infos[i],
                      .pTexelBufferView = &buffers[i].texels});
  vkUpdateDescriptorSets(device_, uint32_t(writes.size()), writes.data(), 0, nullptr);
  return set;
}

namespace {

std::shared_ptr<const MadePipeline> makePipeline(const Context& context, const std::string& shader,
                                                 std::span<const uint32_t> constants, std::span<const uint32_t> code,
                                                 std::shared_ptr<MadePipeline> made) {
  const ShaderModule module(context, shader, code);
  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < constants.size(); ++i) entries.push_back({.constantID = i, .offset = 4 * i, .size = 4});
  const VkSpecializationInfo specialization{.mapEntryCount = uint32_t(entries.size()),
                                            .pMapEntries = entries.data(),
                                            .dataSize = constants.size_bytes(),
                                            .pData = constants.data()};
  const VkComputePipelineCreateInfo create{.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                           .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                     .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                     .module = module.handle(),
                                                     .pName = "main",
                                                     .pSpecializationInfo = &specialization},
                                           .layout = made->layout.handle()};
  check(vkCreateComputePipelines(made->device, context.pipelineCache(), 1, &create, nullptr, &made->handle),
        "vkCreateComputePipelines");
  context.nameObject(VK_OBJECT_TYPE_PIPELINE, reinterpret_cast<uint64_t>(made->handle), shader.c_str());
  return made;
}

}  // namespace

ComputePipeline::ComputePipeline(const Context& context, const std::string& shader, uint32_t bindings,
                                 uint32_t pushBytes, std::span<const uint32_t> constants,
                                 std::span<const uint32_t> code, uint32_t texelBindings) {
  std::string key = fmt::format("{} {} {} {} {} ", shader, bindings, pushBytes, texelBindings, constants.size());
  for (const std::span<const uint32_t> words : {constants, code})
    key.append(reinterpret_cast<const char*>(words.data()), words.size_bytes());
  made_ = context.pipelines().get(
      key, [&context, shader, bindings, pushBytes, texelBindings, own = std::vector(constants.begin(), constants.end()),
            ownCode = std::vector(code.begin(), code.end())] {
        return makePipeline(context, shader, own, ownCode,
                            std::make_shared<MadePipeline>(context, bindings, pushBytes, texelBindings));
      });
}

void ComputePipeline::dispatch(VkCommandBuffer commands, DescriptorPool& pool, std::span<const BufferRange> buffers,
                               std::span<const std::byte> push, uint32_t groups) const {
  if (groups == 0) return;
  const MadePipeline& made = *made_.get();
  const VkDescriptorSet set = pool.make(made.layout, buffers);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, made.handle);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, made.layout.handle(), 0, 1, &set, 0, nullptr);
  if (!push.empty())
    vkCmdPushConstants(commands, made.layout.handle(), VK_SHADER_STAGE_COMPUTE_BIT, 0, uint32_t(push.size()),
                       push.data());
  const uint32_t x = std::min(groups, kMaxGroups);
  vkCmdDispatch(commands, x, (groups + x - 1) / x, 1);
}

VkCommandBuffer Submission::begin() {
  wait();
  descriptors_.reset();
  return commands_.begin();
}

}  // namespace divlens::gpu
