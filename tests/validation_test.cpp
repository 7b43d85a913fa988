// That the validation layer really listens, and that an evaluation is clean under GPU-assisted validation too.
#include "gpu/barrier.h"
#include "gpu/buffer.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::test;

namespace {

bool anyContains(const std::vector<std::string>& messages, const std::string& text) {
  for (const std::string& message : messages)
    if (message.find(text) != std::string::npos) return true;
  return false;
}

Dump smallDump() {
  Random random(5);
  const std::vector<Axis> axes = {axis("layer", 3), axis("token", 4), axis("vocab", 37)};
  return dumpOf({{"logits", axes, Kind::Logits, DType::F16, normals(random, 3 * 4 * 37, 3)}});
}

}  // namespace

TEST_CASE("core validation reports a buffer without bytes", "[gpu][validation]") {
  const gpu::Context device({.device = "auto", .validation = true, .gpuAssisted = false});
  const VkBufferCreateInfo create{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 0, .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
  VkBuffer buffer = VK_NULL_HANDLE;
  const VkResult result = vkCreateBuffer(device.device(), &create, nullptr, &buffer);
  if (result == VK_SUCCESS) vkDestroyBuffer(device.device(), buffer, nullptr);
  CHECK(anyContains(device.validationMessages(), "VUID-VkBufferCreateInfo-size-00912"));
}

TEST_CASE("synchronization validation reports two writes without a barrier", "[gpu][validation]") {
  const gpu::Context device({.device = "auto", .validation = true, .gpuAssisted = false});
  const gpu::Buffer buffer(device, 256, gpu::Memory::Device, "written twice");
  const auto fillTwice = [&](bool apart) {
    device.runOnce([&](VkCommandBuffer commands) {
      vkCmdFillBuffer(commands, buffer.handle(), 0, 256, 1);
      if (apart) gpu::barrier(commands, gpu::kTransferWrite, gpu::kTransferWrite);
      vkCmdFillBuffer(commands, buffer.handle(), 0, 256, 2);
    });
  };
  fillTwice(true);
  CHECK(device.validationMessages().empty());
  fillTwice(false);
  CHECK(anyContains(device.validationMessages(), "SYNC-HAZARD-WRITE-AFTER-WRITE"));
}

TEST_CASE("an evaluation is clean under GPU-assisted validation", "[gpu][validation]") {
  const gpu::Context device({.device = "auto", .validation = true, .gpuAssisted = true});
  const Cells got = runOn(device, smallDump(), {.reduce = {"token=median"}, .metrics = {"kl", "entropy"}});
  CHECK(got.at(0, 2, 0) == 0);
  CHECK(got.at(0, 0, 0) > 0);
  for (const std::string& message : device.validationMessages()) UNSCOPED_INFO(message);
  CHECK(device.validationMessages().empty());
}

TEST_CASE("an evaluation without validation keeps no messages and finds the same bits", "[gpu][validation]") {
  const gpu::Context plain({.device = "auto", .validation = false, .gpuAssisted = false});
  const PlanOptions options{.metrics = {"jsd"}};
  const Cells got = runOn(plain, smallDump(), options);
  CHECK(plain.validationMessages().empty());
  CHECK(bits(got.panels[0]) == bits(run(smallDump(), options).panels[0]));
}
