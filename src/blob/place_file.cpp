#include "blob/place_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"

namespace maru::blob {

void place_file(const std::filesystem::path& object, const std::filesystem::path& target,
                bool executable) {
    // An executable file needs other permissions than the object: a copy. So does a file for
    // workloads that run as our own user: they could make the object itself writable.
    bool shared = !executable && ::geteuid() == 0;
    if (shared && ::link(object.c_str(), target.c_str()) == 0) return;
    std::error_code error;
    std::filesystem::copy_file(object, target, error);
    if (error) fail_errno(error.value(), fmt::format("cannot write {}", target.native()));
    ::chmod(target.c_str(), executable ? 0555 : 0444);
}

}  // namespace maru::blob
