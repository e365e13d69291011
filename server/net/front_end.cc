#include "server/net/front_end.h"

#include <utility>

#include "server/net/client_connections.h"
#include "server/net/listener.h"

namespace server {

struct FrontEnd::Impl {
  Impl(const FrontEndOptions& options, ClientProtocol& protocol, MemoryBudget& memory,
       const Clock& clock)
      : shared{options, protocol, memory, clock} {}

  void assign(Socket socket) {
    const std::shared_ptr<ClientConnections>& shard = shards[next_shard++ % shards.size()];
    if (shard->loop().is_here()) return shard->accept(std::move(socket));
    // A task must be copyable and a socket is not, so the task shares a pointer to the socket.
    auto moved = std::make_shared<Socket>(std::move(socket));
    shard->loop().post([weak = std::weak_ptr(shard), moved] {
      if (const auto self = weak.lock()) self->accept(std::move(*moved));
    });
  }

  FrontEndShared shared;
  std::vector<std::shared_ptr<ClientConnections>> shards;  // shared with posted tasks
  size_t next_shard = 0;
  Address address;
  std::unique_ptr<Listener> listener;  // runs on the first loop
};

FrontEnd::FrontEnd(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<FrontEnd>> FrontEnd::open(const std::vector<Loop*>& loops,
                                                 const FrontEndOptions& options,
                                                 ClientProtocol& protocol, MemoryBudget& memory,
                                                 const Clock& clock) {
  auto impl = std::make_unique<Impl>(options, protocol, memory, clock);
  for (size_t i = 0; i < loops.size(); ++i)
    impl->shards.push_back(std::make_shared<ClientConnections>(*loops[i], i, impl->shared));
  impl->listener =
      TRY(Listener::open(*loops.front(), options.address,
                         [impl = impl.get()](Socket socket) { impl->assign(std::move(socket)); }));
  impl->address = impl->listener->address();
  return std::unique_ptr<FrontEnd>(new FrontEnd(std::move(impl)));
}

FrontEnd::~FrontEnd() {
  impl_->listener.reset();
  impl_->shared.connections.forget_waiter();
  for (const auto& shard : impl_->shards) shard->clear();
}

const Address& FrontEnd::address() const { return impl_->address; }
size_t FrontEnd::connection_count() const { return impl_->shared.connections.count(); }

void FrontEnd::stop(Task on_stopped) {
  Loop& first = impl_->shards.front()->loop();
  first.post([impl = impl_.get(), &first, on_stopped = std::move(on_stopped)] {
    impl->listener.reset();
    // Each shard also counts as one connection until it has shut down its connections. So the gate
    // stays open until then, and sockets that were assigned to the shard earlier are still
    // accepted.
    Gate& gate = impl->shared.connections;
    for (size_t i = 0; i < impl->shards.size(); ++i) gate.enter();
    gate.close([&first, on_stopped] { first.post(on_stopped); });
    for (const auto& shard : impl->shards)
      shard->loop().post([shard, &gate] {
        shard->shut_down();
        gate.leave();
      });
  });
}

}  // namespace server
