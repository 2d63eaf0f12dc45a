#include "serving/inference/python_model.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "serving/inference/json_cursor.hpp"
#include "serving/inference/worker_process.hpp"
#include "serving/inference/worker_source.hpp"

namespace maru::serving {

namespace {

using namespace std::chrono_literals;
using Pieces = std::vector<std::span<const std::byte>>;

std::span<const std::byte> as_piece(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// A folder of its own with the worker's file in it, removed at the end.
class ScriptFolder {
  public:
    ScriptFolder() {
        auto pattern = (std::filesystem::temp_directory_path() / "maru-worker-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            fail_errno(errno, "cannot make a folder " + pattern);
        path_ = pattern;
        write_file_atomically(script(), worker_source);
    }
    ~ScriptFolder() {
        std::error_code ignored;  // the system clears its temporary folder too
        std::filesystem::remove_all(path_, ignored);
    }
    ScriptFolder(const ScriptFolder&) = delete;
    ScriptFolder& operator=(const ScriptFolder&) = delete;
    std::filesystem::path script() const { return path_ / "worker.py"; }

  private:
    std::filesystem::path path_;
};

struct TensorHeader {
    TensorSpec spec;
    std::size_t size = 0;
};

TensorHeader read_tensor_header(JsonCursor& cursor) {
    TensorHeader header;
    header.spec.shape.emplace();
    cursor.object([&](std::string_view key) {
        if (key == "name") {
            header.spec.name = cursor.string();
        } else if (key == "datatype") {
            header.spec.type = data_type_from(cursor.string()).value_or(DataType::bytes);
        } else if (key == "shape") {
            cursor.array(
                [&] { header.spec.shape->push_back(parse_int(cursor.scalar()).value_or(-1)); });
        } else if (key == "size") {
            header.size = static_cast<std::size_t>(parse_int(cursor.scalar()).value_or(0));
        } else {
            cursor.value();
        }
    });
    return header;
}

/// What the header of an answer says, whatever its kind.
struct Answer {
    std::string event, message, error, content_type;
    ErrorCode code = ErrorCode::internal;
    unsigned status = 200;
    std::vector<TensorHeader> inputs, outputs;
};

Answer read_answer(std::string_view header) {
    Answer answer;
    JsonCursor cursor(header);
    auto tensors = [&](std::vector<TensorHeader>& list) {
        cursor.array([&] { list.push_back(read_tensor_header(cursor)); });
    };
    cursor.object([&](std::string_view key) {
        if (key == "event") {
            answer.event = cursor.string();
        } else if (key == "message") {
            answer.message = cursor.string();
        } else if (key == "error") {
            answer.error = cursor.string();
        } else if (key == "content_type") {
            answer.content_type = cursor.string();
        } else if (key == "code") {
            answer.code = error_code_from(cursor.string());
        } else if (key == "status") {
            answer.status = static_cast<unsigned>(parse_int(cursor.scalar()).value_or(500));
        } else if (key == "inputs") {
            tensors(answer.inputs);
        } else if (key == "outputs") {
            tensors(answer.outputs);
        } else {
            cursor.value();
        }
    });
    return answer;
}

struct PythonPrediction final : Prediction {
    std::vector<TensorHeader> headers;
    std::string body;
    std::vector<StringList> strings;

    PythonPrediction(std::vector<TensorHeader> of, std::string bytes)
        : headers(std::move(of)), body(std::move(bytes)) {
        strings.resize(headers.size());
        std::size_t at = 0;
        for (std::size_t i = 0; i < headers.size(); ++i) {
            auto& [spec, size] = headers[i];
            auto count = static_cast<std::size_t>(element_count(spec.name, *spec.shape));
            if (size > body.size() - at ||
                (spec.type != DataType::bytes && size != count * element_size(spec.type)))
                fail(ErrorCode::internal, "output {}: the worker's answer is cut off", spec.name);
            auto bytes_of = std::string_view(body).substr(at, size);
            at += size;
            TensorView view{.name = spec.name, .type = spec.type, .shape = *spec.shape};
            if (spec.type == DataType::bytes) {
                read_strings(bytes_of, strings[i]);
                view.strings = &strings[i];
            } else {
                view.data = as_piece(bytes_of);
            }
            tensors.push_back(std::move(view));
        }
    }

    static void read_strings(std::string_view bytes, StringList& list) {
        while (bytes.size() >= 4) {
            std::uint32_t length = 0;
            bytes.copy(reinterpret_cast<char*>(&length), 4);
            list.append(bytes.substr(4, length));
            bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 4 + std::size_t{length}));
        }
    }
};

class PythonModel final : public Model {
  public:
    explicit PythonModel(PythonOptions options) : options_(std::move(options)) {
        description_.platform = "mlflow_pyfunc";
        supervisors_.reserve(static_cast<std::size_t>(options_.workers));
        for (int i = 0; i < options_.workers; ++i)
            supervisors_.emplace_back([this] { supervise(); });
    }

    ~PythonModel() override {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        for (auto& worker : running_) worker->kill(SIGTERM);
        if (!changed_.wait_for(lock, 2s, [&] { return running_.empty(); }))
            for (auto& worker : running_) worker->kill(SIGKILL);
        lock.unlock();
        for (auto& supervisor : supervisors_) supervisor.join();
    }

    ModelDescription describe() const override {
        std::lock_guard lock(mutex_);
        return description_;
    }

    std::string why_not_ready() const override {
        std::lock_guard lock(mutex_);
        return !ready_.empty() ? "" : reason_;
    }

    std::unique_ptr<Prediction> predict(std::vector<Tensor>& inputs,
                                        const std::vector<std::string>& wanted) override {
        std::string header = R"({"kind":"predict","inputs":[)";
        Pieces pieces;
        std::vector<std::string> encoded;  // of strings
        encoded.reserve(inputs.size());
        for (const auto& tensor : inputs) {
            if (tensor.type == DataType::bytes)
                pieces.push_back(as_piece(encoded.emplace_back(encode_strings(tensor.strings))));
            else
                pieces.push_back({tensor.data.data(), tensor.data.size()});
            if (&tensor != &inputs.front()) header += ',';
            header += R"({"name":)";
            append_json_string(header, tensor.name);
            fmt::format_to(std::back_inserter(header), R"(,"datatype":"{}","shape":{},"size":{}}})",
                           to_string(tensor.type), format_shape(tensor.shape),
                           pieces.back().size());
        }
        auto [answer, body] = ask(header + "]}", pieces);
        auto prediction =
            std::make_unique<PythonPrediction>(std::move(answer.outputs), std::move(body));
        keep_only(*prediction, wanted);
        return prediction;
    }

    net::Response invocations(const net::Request& request) override {
        auto header = R"({"kind":"invocations","content_type":)" +
                      json_string(request.headers.get("Content-Type")) + "}";
        auto [answer, body] = ask(header, {as_piece(request.body)});
        return net::Response::text(std::move(body), answer.status, answer.content_type);
    }

  private:
    static std::string encode_strings(const StringList& strings) {
        std::string out;
        out.reserve(strings.text_size() + 4 * strings.size());
        for (std::size_t i = 0; i < strings.size(); ++i) {
            auto length = static_cast<std::uint32_t>(strings[i].size());
            out.append(reinterpret_cast<const char*>(&length), 4);
            out += strings[i];
        }
        return out;
    }

    static void keep_only(Prediction& prediction, const std::vector<std::string>& wanted) {
        if (wanted.empty()) return;
        std::vector<TensorView> kept;
        for (const auto& name : wanted) {
            auto found = std::find_if(prediction.tensors.begin(), prediction.tensors.end(),
                                      [&](auto& tensor) { return tensor.name == name; });
            if (found == prediction.tensors.end())
                fail(ErrorCode::invalid_argument, "the model has no output \"{}\"", name);
            kept.push_back(*found);
        }
        prediction.tensors = std::move(kept);
    }

    /// Has one worker answer; waits until one is free.
    std::pair<Answer, std::string> ask(std::string_view header, const Pieces& body) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !idle_.empty() || ready_.empty() || stopping_; });
        if (stopping_) fail(ErrorCode::unavailable, "the replica is being stopped");
        if (idle_.empty()) throw Error(ErrorCode::unavailable, reason_);
        auto worker = idle_.back();
        idle_.pop_back();
        lock.unlock();
        // On an exception the worker is gone, or out of step and must go; its supervisor starts
        // another.
        WorkerFrame frame;
        Answer answer;
        try {
            worker->send(header, body);
            frame = worker->receive();
            answer = read_answer(frame.header);
        } catch (...) {
            worker->kill(SIGKILL);
            lock.lock();
            std::erase(ready_, worker);
            reason_ = "the model's Python process has ended; it is being started again";
            lock.unlock();
            changed_.notify_all();
            throw;
        }
        lock.lock();
        // It may have ended right after its answer.
        if (std::find(running_.begin(), running_.end(), worker) != running_.end())
            idle_.push_back(std::move(worker));
        lock.unlock();
        changed_.notify_one();
        if (!answer.error.empty()) throw Error(answer.code, answer.error);
        return {std::move(answer), std::move(frame.body)};
    }

    /// Keeps one worker running until the model is destroyed.
    void supervise() {
        auto pause = 100ms;
        for (bool first = true; !is_stopping(); first = false) {
            auto started = std::chrono::steady_clock::now();
            auto failure = run_worker();
            if (is_stopping()) return;
            log::error("{}", failure.second);
            if (first && !failure.first) {
                // A model that can't be loaded at the start can't be loaded later either.
                fail_model(failure.second);
                return;
            }
            if (std::chrono::steady_clock::now() - started > 30s) pause = 100ms;
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, pause, [&] { return stopping_; });
            pause = std::min<std::chrono::milliseconds>(pause * 2, 10s);
        }
    }

    bool is_stopping() const {
        std::lock_guard lock(mutex_);
        return stopping_;
    }

    void fail_model(const std::string& reason) {
        std::unique_lock lock(mutex_);
        reason_ = reason;
        bool first = !std::exchange(failed_, true);
        lock.unlock();
        if (first && options_.on_failed) options_.on_failed(reason);
    }

    /// Runs a worker to its end. Returns whether it had loaded the model, and what went wrong.
    std::pair<bool, std::string> run_worker() {
        std::shared_ptr<WorkerProcess> worker;
        try {
            worker = std::make_shared<WorkerProcess>(options_.python, folder_.script(),
                                                     options_.model, options_.threads);
        } catch (const Error& error) {
            return {false, error.message()};
        }
        {
            std::lock_guard lock(mutex_);
            running_.push_back(worker);
            // Stopped between its start and here: nobody has told it yet.
            if (stopping_) worker->kill(SIGTERM);
        }
        bool ready = false;
        std::string failure;
        try {
            auto answer = read_answer(worker->receive().header);
            ready = answer.event == "ready";
            failure = answer.message;
            if (ready) welcome(worker, answer);
        } catch (const Error&) {
            // How it ended says more than that its socket was closed.
        }
        auto ending = worker->wait();
        if (failure.empty())
            failure = fmt::format(
                "the model's Python process ended with {}{}; the log has its last words", ending,
                ready ? "" : " before the model was loaded");
        dismiss(worker, ready, failure);
        return {ready, failure};
    }

    void welcome(const std::shared_ptr<WorkerProcess>& worker, Answer& answer) {
        std::lock_guard lock(mutex_);
        description_.inputs.clear();
        description_.outputs.clear();
        for (auto& input : answer.inputs) description_.inputs.push_back(std::move(input.spec));
        for (auto& output : answer.outputs) description_.outputs.push_back(std::move(output.spec));
        idle_.push_back(worker);
        ready_.push_back(worker);
        changed_.notify_all();
    }

    void dismiss(const std::shared_ptr<WorkerProcess>& worker, bool was_ready,
                 const std::string& failure) {
        std::lock_guard lock(mutex_);
        std::erase(idle_, worker);
        std::erase(running_, worker);
        std::erase(ready_, worker);
        if (was_ready) {
            reason_ = failure + "; it is being started again";
        }
        changed_.notify_all();
    }

    PythonOptions options_;
    ScriptFolder folder_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // running_: not reaped yet; ready_: of those, the ones with the model; idle_: of those, the
    // free ones.
    std::vector<std::shared_ptr<WorkerProcess>> running_, ready_, idle_;
    bool stopping_ = false, failed_ = false;
    std::string reason_ = "the model is being loaded";
    ModelDescription description_;
    std::vector<std::thread> supervisors_;
};

}  // namespace

std::unique_ptr<Model> start_python_model(PythonOptions options) {
    return std::make_unique<PythonModel>(std::move(options));
}

}  // namespace maru::serving
