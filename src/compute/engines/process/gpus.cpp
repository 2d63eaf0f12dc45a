#include "compute/engines/process/gpus.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <mutex>

#include "base/log.hpp"

namespace maru::compute::process {

namespace {

// The few names of nvml.h that are used here, in the form that its ABI has had since version 2 of
// each.
using Result = int;
constexpr Result kSuccess = 0;
using Device = struct nvmlDevice_st*;
struct Memory {
    unsigned long long total, free, used;
};

}  // namespace

struct GpuLibrary::Functions {
    void* library = nullptr;
    Result (*initialise)() = nullptr;
    Result (*shutdown)() = nullptr;
    const char* (*error_text)(Result) = nullptr;
    Result (*count)(unsigned*) = nullptr;
    Result (*by_index)(unsigned, Device*) = nullptr;
    Result (*uuid)(Device, char*, unsigned) = nullptr;
    Result (*name)(Device, char*, unsigned) = nullptr;
    Result (*memory)(Device, Memory*) = nullptr;
    Result (*minor_number)(Device, unsigned*) = nullptr;
    mutable std::mutex mutex;
    mutable bool complained = false;

    template <class Function>
    bool find(const char* symbol, Function& function) {
        function = reinterpret_cast<Function>(dlsym(library, symbol));
        if (!function) log::warning("GPUs are not seen: NVML has no {}", symbol);
        return function != nullptr;
    }

    bool find_all() {
        return find("nvmlInit_v2", initialise) && find("nvmlShutdown", shutdown) &&
               find("nvmlErrorString", error_text) && find("nvmlDeviceGetCount_v2", count) &&
               find("nvmlDeviceGetHandleByIndex_v2", by_index) && find("nvmlDeviceGetUUID", uuid) &&
               find("nvmlDeviceGetName", name) && find("nvmlDeviceGetMemoryInfo", memory) &&
               find("nvmlDeviceGetMinorNumber", minor_number);
    }

    bool succeeded(Result result, const char* what) const {
        if (result == kSuccess) return true;
        if (!complained) log::warning("cannot read GPUs: {}: {}", what, error_text(result));
        complained = true;
        return false;
    }
};

GpuLibrary::GpuLibrary(const std::string& library) {
    auto functions = std::make_unique<Functions>();
    functions->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!functions->library) return;
    if (functions->find_all() && functions->succeeded(functions->initialise(), "nvmlInit_v2"))
        functions_ = std::move(functions);
    else
        dlclose(functions->library);
}

GpuLibrary::~GpuLibrary() {
    if (!functions_) return;
    functions_->shutdown();
    dlclose(functions_->library);
}

std::vector<GpuDevice> GpuLibrary::devices() const {
    std::vector<GpuDevice> found;
    if (!functions_) return found;
    const auto& nvml = *functions_;
    std::lock_guard lock(nvml.mutex);
    unsigned count = 0;
    if (!nvml.succeeded(nvml.count(&count), "nvmlDeviceGetCount_v2")) return found;
    for (unsigned index = 0; index < count; ++index) {
        Device device = nullptr;
        char uuid[96] = "", name[96] = "";
        Memory memory{};
        unsigned minor = 0;
        // A GPU that has fallen off the bus is left out; the others remain.
        if (!nvml.succeeded(nvml.by_index(index, &device), "nvmlDeviceGetHandleByIndex_v2") ||
            !nvml.succeeded(nvml.uuid(device, uuid, sizeof uuid), "nvmlDeviceGetUUID") ||
            !nvml.succeeded(nvml.name(device, name, sizeof name), "nvmlDeviceGetName") ||
            !nvml.succeeded(nvml.memory(device, &memory), "nvmlDeviceGetMemoryInfo") ||
            !nvml.succeeded(nvml.minor_number(device, &minor), "nvmlDeviceGetMinorNumber"))
            continue;
        found.push_back({.gpu = {.id = uuid,
                                 .model = name,
                                 .memory_mib = static_cast<std::int64_t>(memory.total >> 20)},
                         .device_file = fmt::format("/dev/nvidia{}", minor)});
    }
    return found;
}

std::vector<std::string> shared_gpu_files() {
    std::vector<std::string> files;
    for (const char* file : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"})
        if (access(file, F_OK) == 0) files.emplace_back(file);
    return files;
}

}  // namespace maru::compute::process
