#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compute/engines/engine.hpp"

namespace maru::compute::process {

struct GpuDevice {
    Gpu gpu;
    std::string device_file;  // /dev/nvidia0
};

/// NVIDIA's devices, through its management library (NVML), which the driver brings and which is
/// loaded when the program runs.
///
/// Lifetime: keeps the library loaded and initialised, since that takes long. Threads: any. Errors:
/// a machine without the library or with a driver that does not answer has no GPUs; why is logged
/// once. Example: gpus_test.cpp.
class GpuLibrary {
  public:
    explicit GpuLibrary(const std::string& library = "libnvidia-ml.so.1");
    ~GpuLibrary();
    std::vector<GpuDevice> devices() const;

  private:
    struct Functions;
    std::unique_ptr<Functions> functions_;
};

/// Device files that every program with a GPU needs besides the GPU's own, as far as they are
/// there.
std::vector<std::string> shared_gpu_files();

}  // namespace maru::compute::process
