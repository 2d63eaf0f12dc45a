#include "base/secret_key.hpp"

#include <openssl/evp.h>

#include <memory>

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

namespace maru {
namespace {

constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
/// Names the form, so that another one can follow.
constexpr std::string_view kForm = "1:";

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Context make_context() {
    Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    if (!context) throw std::bad_alloc();
    return context;
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
int size_of(std::string_view text) {
    return static_cast<int>(text.size());
}

}  // namespace

SecretKey SecretKey::load_or_make(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(file, error) && !error)
        write_file_atomically(file, to_base64(random_bytes(kKeyBytes)) + "\n", 0600);
    std::string key;
    try {
        key = from_base64(trim(read_file(file)));
    } catch (const Error& wrong) {
        if (wrong.code() != ErrorCode::invalid_argument) throw;
    }
    if (key.size() != kKeyBytes)
        fail(ErrorCode::failed_precondition,
             "{} holds no key: put back the one of the backup, or remove the file for a new one, "
             "after which the secrets of webhooks must be set again",
             file.native());
    return SecretKey(std::move(key));
}

std::string SecretKey::seal(std::string_view secret, std::string_view purpose) const {
    std::string nonce = random_bytes(kNonceBytes);
    std::string hidden(secret.size(), '\0'), tag(kTagBytes, '\0');
    auto context = make_context();
    int size = 0;
    bool done =
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_),
                           bytes_of(nonce)) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(purpose), size_of(purpose)) ==
            1 &&
        EVP_EncryptUpdate(context.get(), bytes_of(hidden), &size, bytes_of(secret),
                          size_of(secret)) == 1 &&
        EVP_EncryptFinal_ex(context.get(), bytes_of(hidden) + size, &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
    if (!done) fail(ErrorCode::internal, "cannot encrypt a secret");
    return std::string(kForm) + to_base64(nonce + hidden + tag);
}

std::string SecretKey::open(std::string_view sealed, std::string_view purpose) const {
    std::string packed;
    if (sealed.starts_with(kForm)) packed = from_base64(sealed.substr(kForm.size()));
    std::string secret;
    bool done = packed.size() >= kNonceBytes + kTagBytes;
    if (done) {
        std::string tag = packed.substr(packed.size() - kTagBytes);
        std::string_view hidden =
            std::string_view(packed).substr(kNonceBytes, packed.size() - kNonceBytes - kTagBytes);
        secret.resize(hidden.size());
        auto context = make_context();
        int size = 0;
        done =
            EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_),
                               bytes_of(packed)) == 1 &&
            EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(purpose), size_of(purpose)) ==
                1 &&
            EVP_DecryptUpdate(context.get(), bytes_of(secret), &size, bytes_of(hidden),
                              size_of(hidden)) == 1 &&
            EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
            EVP_DecryptFinal_ex(context.get(), bytes_of(secret) + size, &size) == 1;
    }
    if (!done)
        fail(ErrorCode::failed_precondition,
             "the secret was encrypted with another key than keys/secrets.key; set it again");
    return secret;
}

}  // namespace maru
