#include "tracking/content_type.hpp"

#include <map>
#include <string>

#include "base/text.hpp"

namespace maru::tracking {

ContentType content_type(std::string_view path) {
    static const std::map<std::string, ContentType, std::less<>> types{
        {"txt", {"text/plain; charset=utf-8", true}},
        {"log", {"text/plain; charset=utf-8", true}},
        {"md", {"text/plain; charset=utf-8", true}},
        {"py", {"text/plain; charset=utf-8", true}},
        {"yaml", {"text/plain; charset=utf-8", true}},
        {"yml", {"text/plain; charset=utf-8", true}},
        {"toml", {"text/plain; charset=utf-8", true}},
        {"ini", {"text/plain; charset=utf-8", true}},
        {"cfg", {"text/plain; charset=utf-8", true}},
        {"sh", {"text/plain; charset=utf-8", true}},
        {"mlmodel", {"text/plain; charset=utf-8", true}},
        {"csv", {"text/csv; charset=utf-8", true}},
        {"tsv", {"text/tab-separated-values; charset=utf-8", true}},
        {"json", {"application/json", true}},
        {"html", {"text/html; charset=utf-8", true, true}},
        {"htm", {"text/html; charset=utf-8", true, true}},
        {"svg", {"image/svg+xml", true, true}},
        {"png", {"image/png", true}},
        {"jpg", {"image/jpeg", true}},
        {"jpeg", {"image/jpeg", true}},
        {"gif", {"image/gif", true}},
        {"webp", {"image/webp", true}},
        {"bmp", {"image/bmp", true}},
        {"pdf", {"application/pdf", true}},
        {"mp4", {"video/mp4", true}},
        {"webm", {"video/webm", true}},
        {"mp3", {"audio/mpeg", true}},
        {"wav", {"audio/wav", true}},
        {"zip", {"application/zip"}},
        {"gz", {"application/gzip"}},
        {"tar", {"application/x-tar"}},
        {"parquet", {"application/vnd.apache.parquet"}}};
    auto name = path.substr(path.rfind('/') + 1);
    if (name == "MLmodel") return types.find("mlmodel")->second;
    auto dot = name.rfind('.');
    if (dot != std::string_view::npos) {
        auto found = types.find(to_lower(name.substr(dot + 1)));
        if (found != types.end()) return found->second;
    }
    return {"application/octet-stream"};
}

}  // namespace maru::tracking
