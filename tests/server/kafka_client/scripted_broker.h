// A server on the loop of a test that answers requests of Kafka's protocol as the test prescribes.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/messages/api_versions_response.h"
#include "server/net/connection.h"
#include "server/net/listener.h"

namespace server::kafka_client {

// Returns the bytes of an answer in the given version.
template <class Response>
std::string answer_bytes(const kafka::RequestFrame& request, const Response& response) {
  std::string bytes;
  kafka::append_response(bytes, request.header.correlation_id, request.header.api_version,
                         response);
  return bytes;
}

// Returns an answer to ApiVersions that offers these requests in all versions that this program knows.
template <class... Requests>
kafka::ApiVersionsResponse versions_of() {
  kafka::ApiVersionsResponse response;
  (response.api_keys.push_back({Requests::kApiKey, Requests::kMinVersion, Requests::kMaxVersion}),
   ...);
  return response;
}

class ScriptedBroker {
 public:
  // Returns the bytes that the broker sends; empty: nothing.
  using Answer = std::function<std::string(const kafka::RequestFrame&)>;

  ScriptedBroker(Loop& loop, Answer answer) : loop_(loop), answer_(std::move(answer)) {
    listener_ = *Listener::open(loop, {"127.0.0.1", 0}, [this](Socket socket) {
      ++accepted;
      clients_.push_back(std::make_unique<Client>(*this, std::move(socket)));
    });
  }
  const Address& address() const { return listener_->address(); }
  // Sends bytes to all clients, whether or not they have asked for something.
  void send(const std::string& bytes) {
    for (const auto& client : clients_)
      if (client->connection) client->connection->write(bytes);
  }
  void disconnect() {
    for (const auto& client : clients_) client->connection.reset();
  }

  std::vector<int16_t> asked;  // the API keys of all requests
  int accepted = 0;

 private:
  struct Client final : ConnectionHandler {
    Client(ScriptedBroker& of, Socket socket)
        : broker(of),
          connection(std::make_unique<Connection>(of.loop_, std::move(socket),
                                                  static_cast<ConnectionHandler&>(*this))) {}
    void on_input(std::string_view bytes) override {
      frames.receive(bytes);
      while (connection) {
        const auto frame = frames.next();
        if (!frame || !*frame) return;
        const auto request = kafka::parse_request(**frame);
        if (!request) return;
        broker.asked.push_back(request->header.api_key);
        if (std::string answer = broker.answer_(*request); !answer.empty() && connection)
          connection->write(std::move(answer));
      }
    }
    void on_drained() override {}
    void on_closed() override { connection.reset(); }
    ScriptedBroker& broker;
    kafka::FrameReader frames;
    std::unique_ptr<Connection> connection;
  };

  Loop& loop_;
  const Answer answer_;
  std::unique_ptr<Listener> listener_;
  std::list<std::unique_ptr<Client>> clients_;
};

}  // namespace server::kafka_client
