// One connection to a broker of another Kafka cluster: TCP, TLS, the versions of the broker, SASL, and then requests.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/kafka/codec.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/messages/api_versions_response.h"
#include "server/kafka_client/client_settings.h"
#include "server/net/connection.h"
#include "server/net/connector.h"
#include "server/net/weak_callback.h"

namespace server::kafka_client {

class SaslLogin;

// The versions of a request that the caller can use.
struct VersionRange {
  int16_t least, most;
};

// Invariant: after the first failure, all waiting requests have failed, and no further request is sent.
// Threads: one loop. Owner: the client. The callbacks may destroy the connection.
class BrokerConnection final : ConnectionHandler {
 public:
  using Opened = std::function<void(Status)>;
  // Connects, and calls `opened` once, never within the constructor. The connection is open after TCP, TLS, the request
  // for the API versions of the broker, and SASL; together they may take `patience_ms`. The destructor drops waiting
  // requests: their callbacks are not called. `settings` outlive the connection. All errors name the address:
  //    NetworkFailure                          the broker cannot be reached, or its certificate is not accepted
  //    ProtocolViolation                       the program at the address is not a Kafka broker
  //    InvalidPassword, InvalidAuthorization   SASL failed
  BrokerConnection(Loop& loop, const ClientSettings& settings, Address address, int64_t patience_ms,
                   Opened opened);
  ~BrokerConnection();
  BrokerConnection(const BrokerConnection&) = delete;
  BrokerConnection& operator=(const BrokerConnection&) = delete;

  // Sends a request of the newest version that the broker and `allowed` have in common, and calls `done` once, never
  // within this call. Views in the answer are valid while `done` runs. Fails with NotSupported if there is no common
  // version, with NetworkFailure if the connection is lost or the answer does not come within `timeout_ms`, and with
  // ProtocolViolation if the answer is malformed; the connection has then ended.
  template <class Request, class Response>
  void ask(const Request& request, VersionRange allowed, int64_t timeout_ms,
           std::function<void(Result<Response>)> done) {
    static_assert(Request::kApiKey == Response::kApiKey);
    const auto version = common_version(Request::kApiKey, Request::kApiName, allowed);
    if (!version) return fail_later([done, error = version.error()] { done(error); });
    send<Request, Response>(request, *version, timeout_ms, std::move(done));
  }
  template <class Request>
  static constexpr VersionRange all_versions() {
    return {Request::kMinVersion, Request::kMaxVersion};
  }

  // Ends the connection; all waiting requests fail with the reason.
  void close(Error reason);

  const Address& address() const { return address_; }
  bool is_open() const { return stage_ == Stage::Open; }
  // Returns whether requests are waiting for answers.
  bool is_busy() const { return !waiting_.empty(); }
  // Returns whether the connection has to be replaced soon, because its SASL session ends (KIP-368).
  bool must_be_renewed() const { return must_be_renewed_; }
  // Returns the level of a feature of the other cluster ("transaction.version"), as the broker has reported it; 0 for a
  // feature that it does not have.
  int16_t feature_level(const std::string& name) const;
  // Returns the newest common version of a request. Fails with NotSupported.
  Result<int16_t> common_version(int16_t api_key, std::string_view api_name,
                                 VersionRange allowed) const;

 private:
  friend class SaslLogin;
  enum class Stage : uint8_t { Connecting, Versions, LogIn, Open, Over };
  using Take = std::function<void(Result<std::string_view>)>;
  struct Waiting {
    int32_t id;
    std::string api_name;
    Take take;
    std::unique_ptr<Timer> timer;
  };

  template <class Request, class Response>
  void send(const Request& request, int16_t version, int64_t timeout_ms,
            std::function<void(Result<Response>)> done) {
    std::string frame;
    kafka::append_request(frame, {Request::kApiKey, version, next_id_, settings_.client_id},
                          request);
    send_frame(frame, Request::kApiName, timeout_ms,
               [this, version, done = std::move(done)](Result<std::string_view> answer) {
                 if (!answer) return done(std::move(answer).error());
                 auto response = kafka::decode_response<Response>(*answer, version);
                 if (response) return done(std::move(response));
                 done(end_of_garbage(std::move(response).error()));
               });
  }
  void send_frame(const std::string& frame, std::string_view api_name, int64_t timeout_ms,
                  Take take);
  void fail_later(std::function<void()> tell);

  void connected(Result<Socket> socket);
  void ask_versions(int16_t version);
  void take_versions(Result<kafka::ApiVersionsResponse> answer);
  void logged_in(Result<int64_t> lifetime_ms);
  void write(std::string bytes);
  void receive(std::string_view bytes);
  void answer(std::string_view frame);
  // Ends the connection because of a malformed answer, and returns the error.
  Error end_of_garbage(Error malformed);
  // Ends the connection: `opened` and all waiting requests get the error.
  void fail(Error error);
  Error named(Error error) const;
  Error closed_error() const;
  Error tls_error(const Error& failure) const;

  // Implements ConnectionHandler.
  void on_input(std::string_view bytes) override;
  void on_drained() override {}
  void on_closed() override;

  Loop& loop_;
  const ClientSettings& settings_;
  const Address address_;
  Opened opened_;  // empty once it was called
  Stage stage_ = Stage::Connecting;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ClientTls> tls_;  // null without TLS
  std::unique_ptr<SaslLogin> login_;
  // The code that handles a frame shares its ownership, because it may destroy this object.
  const std::shared_ptr<kafka::FrameReader> frames_;
  bool has_heard_ = false;  // bytes of the peer have arrived
  std::deque<Waiting> waiting_;
  int32_t next_id_ = 1;
  std::map<int16_t, VersionRange> versions_;  // by API key
  std::map<std::string, int16_t> features_;
  bool must_be_renewed_ = false;
  Timer setup_timer_, renewal_timer_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  const WeakCallback callback_;
};

}  // namespace server::kafka_client
