// Which device a request means, and what is said when it means none.
#include "gpu/devices.h"

#include <cstdlib>

#include "error.h"
#include "gpu_fixture.h"

using namespace divlens;
using namespace divlens::gpu;

namespace {

DeviceInfo device(int index, const char* name, const char* type, const char* uuid, const char* rejected = "") {
  return {
      .index = index, .name = name, .type = type, .driver = "d", .api = "1.3.0", .uuid = uuid, .rejected = rejected};
}

const std::vector<DeviceInfo>& several() {
  static const std::vector<DeviceInfo> devices = {
      device(0, "llvmpipe (LLVM 15)", "processor", "aaaa-0"),
      device(1, "Iris Xe", "integrated GPU", "aaaa-1"),
      device(2, "Old Card", "discrete GPU", "aaaa-2", "supports only Vulkan below 1.2; update its driver"),
      device(3, "H100 SXM", "discrete GPU", "aaaa-3"),
      device(4, "H100 SXM", "discrete GPU", "aaaa-4"),
  };
  return devices;
}

}  // namespace

TEST_CASE("auto takes the best usable device", "[devices]") {
  CHECK(chooseDevice(several(), "auto") == 3);
  CHECK(chooseDevice({several()[0], several()[1]}, "auto") == 1);
  CHECK(chooseDevice({several()[2], several()[0]}, "auto") == 1);
}

TEST_CASE("a device is found by index, part of its name, UUID and as cpu", "[devices]") {
  CHECK(chooseDevice(several(), "1") == 1);
  CHECK(chooseDevice(several(), "iris") == 1);
  CHECK(chooseDevice(several(), "AAAA-4") == 4);
  CHECK(chooseDevice(several(), "cpu") == 0);
}

TEST_CASE("a device that cannot be chosen is refused with a list", "[devices]") {
  CHECK_REFUSED(chooseDevice({}, "auto"), Exit::NoDevice, "no Vulkan device found; install");
  CHECK_REFUSED(chooseDevice(several(), "radeon"), Exit::NoDevice, "H100 SXM");
  CHECK_REFUSED(chooseDevice(several(), "9"), Exit::NoDevice, "no device fits --device 9");
  CHECK_REFUSED(chooseDevice(several(), "h100"), Exit::NoDevice, "fits 2 devices");
  CHECK_REFUSED(chooseDevice(several(), "2"), Exit::NoDevice, "below 1.2");
  CHECK_REFUSED(chooseDevice({several()[2]}, "auto"), Exit::NoDevice, "none of the Vulkan devices can be used");
}

TEST_CASE("auto takes the largest of the best type, and those of its name in turn", "[devices]") {
  std::vector<DeviceInfo> devices = {several()[3], several()[3], several()[4]};
  devices[0].name = "T400";
  devices[0].uuid = "aaaa-9";
  devices[0].memory = uint64_t{4} << 30;
  devices[1].memory = devices[2].memory = uint64_t{80} << 30;
  CHECK(chooseDevice(devices, "auto") == 1);
  CHECK(chooseDevice(devices, "auto", 1) == 2);
  CHECK(chooseDevice(devices, "auto", 2) == 1);
}

TEST_CASE("a device that a loader lists twice counts once", "[devices]") {
  const std::vector<DeviceInfo> devices = {several()[3], several()[3], several()[4]};
  CHECK(chooseDevice({devices[0], devices[1]}, "h100") == 0);
  CHECK(chooseDevice({devices[0], devices[1]}, "aaaa-3") == 0);
  CHECK(chooseDevice(devices, "auto", 1) == 2);
  CHECK(chooseDevice(devices, "auto", 2) == 0);
  CHECK_REFUSED(chooseDevice(devices, "h100"), Exit::NoDevice, "fits 2 devices");
}

TEST_CASE("the table of devices says why one is rejected", "[devices]") {
  const std::string table = deviceTable(several());
  CHECK_THAT(table, Catch::Matchers::ContainsSubstring("Iris Xe (integrated GPU"));
  CHECK_THAT(table, Catch::Matchers::ContainsSubstring("rejected: supports only Vulkan below 1.2"));
}

TEST_CASE("this machine has a device that can be used", "[gpu][devices]") {
  const std::vector<DeviceInfo> devices = listDevices();
  REQUIRE_FALSE(devices.empty());
  const DeviceInfo& chosen = devices[size_t(chooseDevice(devices, "auto"))];
  CHECK(chosen.rejected.empty());
  CHECK(chosen.uuid.size() == 36);
  CHECK(chosen.memory > 0);
}

TEST_CASE_METHOD(test::GpuTest, "the context is on the chosen device", "[gpu][devices]") {
  const Context& context = test::context();
  CHECK(context.info().name == listDevices()[size_t(context.info().index)].name);
  if (std::getenv("DIVLENS_AS_GPU") == nullptr) CHECK(context.isCpu() == (context.info().type == "processor"));
  CHECK(context.maxBufferBytes() >= uint64_t{64} << 20);
  CHECK(context.memoryType(~0U, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) >= 0);
  CHECK(context.memoryType(0, 0) == -1);
}
