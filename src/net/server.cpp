#include "net/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <future>

#include "base/log.hpp"
#include "net/connection.hpp"
#include "net/socket_address.hpp"

namespace maru::net {

namespace {

// So many clients beyond connections_max are told so; any more are just closed.
constexpr int kRefusalsMax = 64;

class ServerImpl final : public Server {
  public:
    ServerImpl(const ServerOptions& options, Router router) : core_(options, std::move(router)) {
        if (options.tls_certificate.empty() != options.tls_key.empty())
            fail(ErrorCode::invalid_argument,
                 "HTTPS needs both a certificate and its key; only one of them is given");
        if (!options.tls_certificate.empty())
            core_.tls = TlsContext::server(options.tls_certificate, options.tls_key);
        port_ = options.port;
        FileDescriptor tcp, local;
        if (options.listen_tcp) tcp = listen_tcp(options.address, port_);
        if (!options.unix_socket.empty()) local = listen_unix(options.unix_socket);
        for (int i = 0; i < std::max(options.io_threads, 1); ++i)
            io_.push_back(std::make_unique<IoThread>());
        if (tcp) listen(std::move(tcp), core_.tls);
        // Whoever may open a Unix socket is on this machine: no TLS there.
        if (local) listen(std::move(local), nullptr);
        for (auto& io : io_) {
            guards_.emplace_back(io->context.get_executor());
            io->thread = std::thread([&context = io->context] { context.run(); });
        }
    }

    ~ServerImpl() override { stop(std::chrono::milliseconds(0)); }

    std::uint16_t port() const override { return port_; }

    void stop(std::chrono::milliseconds grace) override {
        if (stopped_) return;
        stopped_ = true;
        core_.stopping = true;
        on_io(*io_[0], [this] { listeners_.clear(); });
        if (!core_.options.unix_socket.empty()) ::unlink(core_.options.unix_socket.c_str());
        on_each_connection([](Connection& connection) { connection.begin_stop(); });
        if (!wait_for_connections(grace)) {
            on_each_connection([](Connection& connection) { connection.abort(); });
            // What is left waits for a handler on a worker thread, which cannot be interrupted.
            while (!wait_for_connections(std::chrono::seconds(10)))
                log::warning("the server's stop waits for handlers that have not returned");
        }
        for (auto& io : io_) on_io(*io, [&] { io->upstreams.close(); });
        guards_.clear();
        for (auto& io : io_) io->thread.join();
    }

  private:
    struct Listener {
        Descriptor descriptor;
        FileDescriptor fd;
        std::shared_ptr<TlsContext> tls;
        Timer pause;

        Listener(IoThread& io, FileDescriptor socket, std::shared_ptr<TlsContext> context)
            : descriptor(io.context.get_executor(), socket.get()),
              fd(std::move(socket)),
              tls(std::move(context)),
              pause(io.context.get_executor()) {}
        ~Listener() { descriptor.release(); }
    };

    void listen(FileDescriptor fd, std::shared_ptr<TlsContext> tls) {
        listeners_.push_back(std::make_shared<Listener>(*io_[0], std::move(fd), std::move(tls)));
        accept(listeners_.back());
    }

    // Pending handlers hold the listener weakly: clearing listeners_ ends it.
    void accept(const std::shared_ptr<Listener>& listener) {
        listener->descriptor.async_wait(
            Descriptor::wait_read,
            [this, weak = std::weak_ptr(listener)](const boost::system::error_code& error) {
                auto self = weak.lock();
                if (error || !self) return;
                for (int i = 0; i < 64; ++i) {
                    std::string peer;
                    FileDescriptor fd = accept_connection(self->fd.get(), peer);
                    if (fd) {
                        open(std::move(fd), std::move(peer), self->tls);
                    } else if (errno == EAGAIN || errno == EINTR) {
                        break;
                    } else if (errno != ECONNABORTED) {
                        log::error("cannot accept a connection: {}",
                                   std::generic_category().message(errno));
                        return accept_later(self);
                    }
                }
                accept(self);
            });
    }

    // Out of descriptors or memory: trying again at once would spin.
    void accept_later(const std::shared_ptr<Listener>& listener) {
        listener->pause.expires_after(std::chrono::milliseconds(100));
        listener->pause.async_wait(
            [this, weak = std::weak_ptr(listener)](const boost::system::error_code& error) {
                if (auto self = weak.lock(); self && !error) accept(self);
            });
    }

    void open(FileDescriptor fd, std::string peer, const std::shared_ptr<TlsContext>& tls) {
        bool refused;
        {
            std::lock_guard lock(core_.mutex);
            auto max = static_cast<int>(core_.options.connections_max);
            if (core_.connections >= max + kRefusalsMax) return;
            refused = core_.connections >= max;
            ++core_.connections;
        }
        IoThread& io = *io_[next_++ % io_.size()];
        auto serve = [this, &io, tls, refused, fd = std::move(fd),
                      peer = std::move(peer)]() mutable -> Task<> {
            try {
                Transport transport =
                    tls ? Transport(std::move(fd), *tls) : Transport(std::move(fd));
                Connection connection(core_, io, std::move(transport), peer);
                if (refused)
                    co_await connection.run_refused();
                else
                    co_await connection.run();
            } catch (...) {
                log::error("connection of {}: {}", peer, log::current_exception_message());
            }
            std::lock_guard lock(core_.mutex);
            --core_.connections;
            core_.changed.notify_all();
        };
        asio::co_spawn(io.context, std::move(serve), asio::detached);
    }

    template <class F>
    void on_io(IoThread& io, F function) {
        std::promise<void> done;
        asio::post(io.context, [&] {
            function();
            done.set_value();
        });
        done.get_future().wait();
    }

    template <class F>
    void on_each_connection(F function) {
        for (auto& io : io_)
            on_io(*io, [&] {
                for (Connection* connection : io->connections) function(*connection);
            });
    }

    bool wait_for_connections(std::chrono::milliseconds time) {
        std::unique_lock lock(core_.mutex);
        return core_.changed.wait_for(lock, time, [&] { return core_.connections == 0; });
    }

    ServerCore core_;
    std::vector<std::unique_ptr<IoThread>> io_;
    std::vector<asio::executor_work_guard<Executor>> guards_;
    std::vector<std::shared_ptr<Listener>> listeners_;
    std::uint16_t port_ = 0;
    std::size_t next_ = 0;
    bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Server> Server::start(const ServerOptions& options, Router router) {
    return std::make_unique<ServerImpl>(options, std::move(router));
}

}  // namespace maru::net
