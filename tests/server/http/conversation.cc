#include "tests/server/http/conversation.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace server::http {

namespace {

class CountExchange final : public Exchange {
 public:
  CountExchange(int count, Responder& responder) : count_(count), responder_(responder) {}
  void run() override {
    if (next_ == 0) responder_.begin({.content_type = "text/plain"});
    while (next_ < count_ && !responder_.is_full())
      responder_.write(fmt::format("{:09}\n", next_++));
    if (next_ == count_) responder_.end();
  }

 private:
  const int count_;
  int next_ = 0;
  Responder& responder_;
};

class PiecesExchange final : public Exchange {
 public:
  explicit PiecesExchange(Responder& responder) : responder_(responder) {
    responder_.begin({.content_type = "text/plain"});
  }
  void run() override {}
  void on_body(std::string_view bytes) override {
    responder_.write(fmt::format("{}\n", bytes.size()));
  }
  void on_body_end() override {
    responder_.write("end\n");
    responder_.end();
  }
  // the rest of the request may never arrive
  void shut_down(const Error&) override { responder_.end(); }

 private:
  Responder& responder_;
};

class NeverExchange final : public Exchange {
 public:
  explicit NeverExchange(Responder& responder) : responder_(responder) {}
  void run() override {}
  void shut_down(const Error& reason) override {
    responder_.answer(error_response(error_code::kShuttingDown, reason.message));
  }

 private:
  Responder& responder_;
};

}  // namespace

Conversation::Conversation(Routes with, Limits bounds, size_t memory_bytes, Loop* its_loop,
                           const RequestGate* gate, const Channel* channel)
    : memory(memory_bytes),
      loop(its_loop ? *its_loop : own_loop.emplace()),
      routes(std::move(with)),
      limits(bounds),
      session({*this, routes, limits, loop, 0, clock, &account, channel, gate}) {}

std::string Conversation::say(std::string_view bytes) {
  session.receive(bytes);
  return listen();
}

std::string Conversation::listen() {
  std::string said;
  do {
    is_woken_ = false;
    session.run();
    said += session.take_output();
    session.set_output_full(false);
  } while (is_woken_ && !session.is_over());
  return said;
}

Routes test_routes() {
  Routes routes;
  routes.add({"GET", "/hello", answer_with([](const Request&) {
                return Response{{.content_type = "text/plain"}, "hello\n"};
              })});
  routes.add({"POST", "/echo", answer_with([](const Request& request) {
                return Response{{.content_type = "text/plain"}, request.body};
              })});
  routes.add(
      {"GET", "/count/{n}",
       [](const Request& request, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
         return std::make_unique<CountExchange>(std::atoi(request.path_parameters[0].c_str()),
                                                context.responder);
       }});
  routes.add({"POST", "/pieces",
              [](const Request&, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
                return std::make_unique<PiecesExchange>(context.responder);
              },
              BodyUse::InPieces});
  routes.add({"GET", "/never",
              [](const Request&, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
                return std::make_unique<NeverExchange>(context.responder);
              }});
  routes.add({"GET", "/broken",
              [](const Request&, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
                context.responder.begin({.content_type = "text/plain"});
                context.responder.write("half of it");
                context.responder.fail();
                return nullptr;
              }});
  return routes;
}

}  // namespace server::http
