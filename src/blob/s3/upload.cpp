#include "blob/s3/upload.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::blob::s3 {
namespace {
constexpr std::size_t kPartsMax = 10'000;
}

void AbandonedUploads::abort(Client& client, const std::string& key,
                             const std::string& upload) noexcept {
    try {
        client.abort_upload(key, upload);
    } catch (...) {
        log::warning("an upload to the object store could not be ended, and will be later: {}",
                     log::current_exception_message());
        std::lock_guard lock(mutex_);
        all_.emplace_back(key, upload);
    }
}

void AbandonedUploads::abort_again(Client& client) noexcept {
    std::vector<std::pair<std::string, std::string>> again;
    {
        std::lock_guard lock(mutex_);
        again.swap(all_);
    }
    for (const auto& [key, upload] : again) abort(client, key, upload);
}

PartsUpload::PartsUpload(Client& client, AbandonedUploads& abandoned, std::string temporary_key,
                         std::size_t part_bytes)
    : client_(client),
      abandoned_(abandoned),
      temporary_key_(std::move(temporary_key)),
      part_bytes_(part_bytes) {}

PartsUpload::~PartsUpload() {
    if (!upload_.empty()) abandoned_.abort(client_, temporary_key_, upload_);
    if (!is_complete_) return;
    try {
        client_.remove(temporary_key_);
    } catch (...) {
        log::warning("{} stays in the object store until the next start: {}", temporary_key_,
                     log::current_exception_message());
    }
}

void PartsUpload::write(std::string_view bytes) {
    size_bytes_ += static_cast<std::int64_t>(bytes.size());
    while (waiting_.size() + bytes.size() > part_bytes_) {
        auto missing = part_bytes_ - waiting_.size();
        waiting_.append(bytes.substr(0, missing));
        bytes.remove_prefix(missing);
        send_part(waiting_);
        waiting_.clear();
    }
    waiting_.append(bytes);
}

void PartsUpload::send_part(std::string_view bytes) {
    if (tags_.size() == kPartsMax)
        fail(ErrorCode::resource_exhausted,
             "the file is larger than {}, the most that this server sends to its object store",
             format_bytes(static_cast<std::int64_t>(part_bytes_ * kPartsMax)));
    if (upload_.empty()) {
        abandoned_.abort_again(client_);
        upload_ = client_.begin_upload(temporary_key_);
    }
    tags_.push_back(
        client_.put_part(temporary_key_, upload_, static_cast<int>(tags_.size()) + 1, bytes));
}

void PartsUpload::place(const std::string& key) {
    if (tags_.empty()) {
        client_.put(key, waiting_);
        return;
    }
    if (!waiting_.empty()) send_part(waiting_);
    client_.complete_upload(temporary_key_, upload_, tags_, size_bytes_);
    upload_.clear();
    is_complete_ = true;
    client_.copy(temporary_key_, key, size_bytes_);
    // The last word is the store's own: nothing is acknowledged that it does not have.
    if (auto there = client_.size_bytes(key); there != size_bytes_)
        fail(ErrorCode::unavailable, "the object store has {} bytes of {}, not {}: send it again",
             there.value_or(0), key, size_bytes_);
}

}  // namespace maru::blob::s3
