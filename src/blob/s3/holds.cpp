#include "blob/s3/holds.hpp"

namespace maru::blob::s3 {

Hold Holds::hold(std::string_view sha256) {
    std::unique_lock lock(mutex_);
    removed_.wait(lock, [&] { return being_removed_ != sha256; });
    auto entry = counts_.try_emplace(std::string(sha256), 0).first;
    ++entry->second;
    if (collecting_) held_meanwhile_.emplace(sha256);
    return {static_cast<const void*>(&*entry), [all = shared_from_this(), entry](const void*) {
                std::lock_guard held(all->mutex_);
                if (--entry->second == 0) all->counts_.erase(entry);
            }};
}

Holds::Collection::Collection(Holds& all) : all_(all) {
    std::lock_guard lock(all_.mutex_);
    all_.collecting_ = true;
    for (const auto& [sha256, count] : all_.counts_) all_.held_meanwhile_.insert(sha256);
}

Holds::Collection::~Collection() {
    std::lock_guard lock(all_.mutex_);
    all_.collecting_ = false;
    all_.held_meanwhile_.clear();
}

bool Holds::Collection::is_held(std::string_view sha256) const {
    std::lock_guard lock(all_.mutex_);
    return all_.held_meanwhile_.contains(sha256);
}

bool Holds::Collection::begin_removal(std::string_view sha256) {
    std::lock_guard lock(all_.mutex_);
    if (all_.held_meanwhile_.contains(sha256)) return false;
    all_.being_removed_ = sha256;
    return true;
}

void Holds::end_removal() {
    {
        std::lock_guard lock(mutex_);
        being_removed_.clear();
    }
    removed_.notify_all();
}

}  // namespace maru::blob::s3
