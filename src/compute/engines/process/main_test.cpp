#include <gtest/gtest.h>

#include <string_view>

#include "compute/engines/process/shim.hpp"

/// This program is also the supervisor of what its tests launch, as `maru` is.
int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "shim") return maru::compute::run_shim(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
