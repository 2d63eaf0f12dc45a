#include "blob/s3_store.hpp"

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "blob/digest_set.hpp"
#include "blob/local_cache.hpp"
#include "blob/place_file.hpp"
#include "blob/s3/client.hpp"
#include "blob/s3/holds.hpp"
#include "blob/s3/upload.hpp"

namespace maru::blob {
namespace {

constexpr std::int64_t kFirstPieceBytes = 1 << 20;
constexpr std::int64_t kPieceBytes = 4 << 20;
constexpr std::string_view kOwnerKey = "maru-owner";
constexpr std::size_t kOwnerBytesMax = 4096;

s3::ClientOptions client_options(const S3Options& options) {
    return {.endpoint = options.endpoint,
            .region = options.region,
            .bucket = options.bucket,
            .virtual_host = options.virtual_host,
            .ca_file = options.ca_file,
            .credentials_file = options.credentials_file,
            .attempts = options.attempts};
}

/// Asks for one range after the other: each can be tried again, and a slow reader keeps no
/// connection open.
class S3Reader final : public Reader {
  public:
    S3Reader(s3::Client& client, std::string key, std::int64_t offset, std::int64_t size_bytes)
        : client_(client), key_(std::move(key)), offset_(offset), left_(size_bytes) {}

    std::string read() override {
        auto size = std::min(left_, offset_ == first_ ? kFirstPieceBytes : kPieceBytes);
        if (size <= 0) return {};
        auto piece = client_.get_range(key_, offset_, size);
        offset_ += size;
        left_ -= size;
        return piece;
    }

  private:
    s3::Client& client_;
    std::string key_;
    std::int64_t offset_, left_;
    const std::int64_t first_ = offset_;
};

class S3Store final : public BlobStore {
  public:
    explicit S3Store(const S3Options& options)
        : client_(client_options(options)),
          cache_(options.cache_directory, options.cache_bytes_max),
          base_(options.prefix.empty() ? "" : options.prefix + "/"),
          part_bytes_(options.part_bytes) {
        own(options.owner);
        remove_leftovers();
    }

    std::unique_ptr<Upload> upload() override;

    bool contains(std::string_view sha256) const override {
        return client_.size_bytes(key(sha256)).has_value();
    }
    std::int64_t size_bytes(std::string_view sha256) const override {
        auto size = client_.size_bytes(key(sha256));
        if (!size) missing(sha256);
        return *size;
    }

    std::string get(std::string_view sha256, std::size_t bytes_max) const override {
        auto bytes = client_.get(key(sha256), bytes_max);
        if (auto digest = sha256_hex(bytes); digest != sha256)
            fail(ErrorCode::data_loss, "the object {} has the digest {} in the object store",
                 sha256, digest);
        return bytes;
    }

    std::unique_ptr<Reader> open(std::string_view sha256, std::int64_t offset,
                                 std::int64_t size_bytes) const override {
        return std::make_unique<S3Reader>(client_, key(sha256), offset, size_bytes);
    }

    std::optional<std::filesystem::path> local_file(std::string_view) const override {
        return std::nullopt;
    }

    void materialize(std::string_view sha256, const std::filesystem::path& target,
                     bool executable) const override {
        cache_.with_file(
            sha256,
            [&](const LocalCache::Write& write) {
                auto reader = open(sha256, 0, size_bytes(sha256));
                for (auto piece = reader->read(); !piece.empty(); piece = reader->read())
                    write(piece);
            },
            [&](const std::filesystem::path& file) { place_file(file, target, executable); });
    }

    Hold hold(std::string_view sha256) override {
        auto held = holds_->hold(sha256);
        size_bytes(sha256);
        return held;
    }

    Collected collect(const References& references, const CollectOptions& options) override;

  private:
    friend class S3Upload;

    [[noreturn]] static void missing(std::string_view sha256) {
        fail(ErrorCode::not_found, "the object {} does not exist", sha256);
    }

    std::string key(std::string_view sha256) const {
        if (!is_sha256_hex(sha256))
            fail(ErrorCode::invalid_argument,
                 "\"{}\" is not a SHA-256 digest; expected 64 hex digits", sha256);
        return fmt::format("{}{}/{}", base_, sha256.substr(0, 2), sha256.substr(2));
    }
    /// The digest that a key stands for, if it is an object's.
    std::optional<std::string> sha256_of(std::string_view key) const {
        if (!key.starts_with(base_)) return std::nullopt;
        key.remove_prefix(base_.size());
        if (key.size() != 65 || key[2] != '/') return std::nullopt;
        auto sha256 = std::string(key.substr(0, 2)).append(key.substr(3));
        return is_sha256_hex(sha256) ? std::optional(sha256) : std::nullopt;
    }
    std::string uploads() const { return base_ + "uploads/"; }

    /// Writes and reads the mark of whose objects these are: what a server must be able to do.
    void own(const std::string& owner) {
        auto mark = base_ + std::string(kOwnerKey);
        std::string found;
        try {
            found = trim(client_.get(mark, kOwnerBytesMax));
        } catch (const Error& error) {
            if (error.code() != ErrorCode::not_found) throw;
        }
        if (!found.empty() && found != owner)
            fail(ErrorCode::failed_precondition,
                 "the objects below s3://{}/{} belong to the server of another data directory; "
                 "give each its own prefix in --blobs (s3://{}/NAME)",
                 client_.options().bucket, base_, client_.options().bucket);
        client_.put(mark, owner + "\n");
    }

    void remove_leftovers() {
        client_.list_uploads(uploads(), [&](const std::string& key, const std::string& upload) {
            if (key.starts_with(uploads())) client_.abort_upload(key, upload);
        });
        client_.list(uploads(), [&](const s3::Listed& found) { client_.remove(found.key); });
    }

    mutable s3::Client client_;
    mutable LocalCache cache_;
    s3::AbandonedUploads abandoned_;
    std::shared_ptr<s3::Holds> holds_ = std::make_shared<s3::Holds>();
    std::mutex collect_mutex_;
    const std::string base_;
    const std::size_t part_bytes_;
};

Collected S3Store::collect(const References& references, const CollectOptions& options) {
    std::lock_guard one(collect_mutex_);
    s3::Holds::Collection collection(*holds_);
    Time cutoff = SystemClock().now() - options.grace;
    DigestSet named;
    references([&](std::string_view sha256) { named.add(sha256); });
    named.finish();
    Collected result;
    client_.list(base_, [&](const s3::Listed& found) {
        auto sha256 = sha256_of(found.key);
        if (!sha256) return;
        bool stays = named.contains(*sha256) || found.changed_at >= cutoff;
        if (!stays && options.dry_run)
            stays = collection.is_held(*sha256);
        else if (!stays)
            stays = !collection.remove(*sha256, [&] { client_.remove(found.key); });
        (stays ? result.objects_kept : result.objects_removed) += 1;
        (stays ? result.bytes_kept : result.bytes_removed) += found.size_bytes;
    });
    return result;
}

class S3Upload final : public Upload {
  public:
    explicit S3Upload(S3Store& store)
        : store_(store),
          parts_(store.client_, store.abandoned_, store.uploads() + to_hex(random_bytes(16)),
                 store.part_bytes_) {}

    void write(std::string_view bytes) override {
        digest_.update(bytes);
        parts_.write(bytes);
    }

    Stored finish(std::optional<std::string_view> expected_sha256) override {
        Stored stored{digest_.hex(), parts_.size_bytes()};
        if (expected_sha256 && *expected_sha256 != stored.sha256)
            fail(ErrorCode::data_loss,
                 "the {} bytes received have the digest {}, not {}: send them again",
                 stored.size_bytes, stored.sha256, *expected_sha256);
        auto key = store_.key(stored.sha256);
        hold_ = store_.holds_->hold(stored.sha256);
        // An object of another size is not whole: it can only have come from elsewhere.
        if (store_.client_.size_bytes(key) != stored.size_bytes) parts_.place(key);
        return stored;
    }

  private:
    S3Store& store_;
    s3::PartsUpload parts_;
    Hold hold_;
    Sha256 digest_;
};

std::unique_ptr<Upload> S3Store::upload() {
    return std::make_unique<S3Upload>(*this);
}

bool is_bucket_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 63 &&
           name.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == name.npos;
}

}  // namespace

void parse_s3_url(std::string_view url, S3Options& options) {
    constexpr std::string_view kScheme = "s3://";
    if (!url.starts_with(kScheme))
        fail_field("--blobs",
                   fmt::format("\"{}\" is neither \"disk\" nor s3://BUCKET[/PREFIX]", url));
    auto rest = url.substr(kScheme.size());
    auto slash = std::min(rest.find('/'), rest.size());
    options.bucket = rest.substr(0, slash);
    if (!is_bucket_name(options.bucket))
        fail_field("--blobs", fmt::format("\"{}\" is no bucket's name", options.bucket));
    auto prefix = rest.substr(slash);
    while (prefix.starts_with('/')) prefix.remove_prefix(1);
    while (prefix.ends_with('/')) prefix.remove_suffix(1);
    options.prefix = prefix;
    if (!prefix.empty()) check_relative_path("--blobs", prefix);
}

std::unique_ptr<BlobStore> open_s3_store(const S3Options& options) {
    return std::make_unique<S3Store>(options);
}

}  // namespace maru::blob
