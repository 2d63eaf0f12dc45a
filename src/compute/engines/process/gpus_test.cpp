#include "compute/engines/process/gpus.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/child_process.hpp"

namespace maru::compute::process {
namespace {

/// NVML as its header declares it, with two GPUs, the second of which fails where FAIL is defined.
constexpr std::string_view kNvml = R"(
#include <stdio.h>
typedef struct nvmlDevice_st* Device;
typedef struct { unsigned long long total, free, used; } Memory;
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
const char* nvmlErrorString(int result) { return result == 15 ? "GPU is lost" : "Driver Not Loaded"; }
int nvmlDeviceGetCount_v2(unsigned* count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
    *device = (Device)(unsigned long)(index + 1);
    return 0;
}
int nvmlDeviceGetUUID(Device device, char* text, unsigned size) {
    snprintf(text, size, "GPU-0000-%lu", (unsigned long)device);
    return 0;
}
int nvmlDeviceGetName(Device device, char* text, unsigned size) {
    snprintf(text, size, "NVIDIA H200");
    return 0;
}
int nvmlDeviceGetMemoryInfo(Device device, Memory* memory) {
    if ((unsigned long)device == LOST) return 15;
    memory->total = 141ull << 30;
    return 0;
}
int nvmlDeviceGetMinorNumber(Device device, unsigned* number) {
    *number = 4 - (unsigned)(unsigned long)device;
    return 0;
}
)";

class Gpus : public testing::Test {
  protected:
    Gpus() {
        auto pattern = (std::filesystem::temp_directory_path() / "maru-nvml-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        std::ofstream(folder_ / "nvml.c") << kNvml;
    }
    ~Gpus() override { std::filesystem::remove_all(folder_); }

    std::string build(int init, int lost) {
        auto library = (folder_ / "libnvidia-ml.so.1").string();
        auto built = run_child(
            {MARU_C_COMPILER, "-shared", "-fPIC", "-x", "c", "-DINIT=" + std::to_string(init),
             "-DLOST=" + std::to_string(lost), "-o", library, (folder_ / "nvml.c").string()},
            {.environment = {{"PATH", "/usr/bin:/bin"}}});
        EXPECT_EQ(built.exit_code, 0) << built.output;
        return library;
    }
    std::filesystem::path folder_;
};

TEST_F(Gpus, AreReadThroughNvml) {
    auto devices = GpuLibrary(build(0, 0)).devices();
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0].gpu.id, "GPU-0000-1");
    EXPECT_EQ(devices[0].gpu.model, "NVIDIA H200");
    EXPECT_EQ(devices[0].gpu.memory_mib, 141 * 1024);
    EXPECT_EQ(devices[0].device_file, "/dev/nvidia3");
    EXPECT_EQ(devices[1].device_file, "/dev/nvidia2");
}

TEST_F(Gpus, OneThatFailsIsLeftOut) {
    auto devices = GpuLibrary(build(0, 1)).devices();
    ASSERT_EQ(devices.size(), 1u);
    EXPECT_EQ(devices[0].gpu.id, "GPU-0000-2");
}

TEST_F(Gpus, AreNoneWithoutADriver) {
    EXPECT_TRUE(GpuLibrary(build(9, 0)).devices().empty());
    EXPECT_TRUE(GpuLibrary("/no/such/libnvidia-ml.so.1").devices().empty());
}

}  // namespace
}  // namespace maru::compute::process
