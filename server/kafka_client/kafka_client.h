// A client of another Kafka cluster: finds its brokers, keeps a connection to each broker that is used, and sends
// requests again if a connection was lost.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka_client/broker_connection.h"

namespace server::kafka_client {

// Every call has a deadline, and fails at the deadline at the latest. Callbacks run on the loop, each once, and may run
// within the call.
//
// Threads: one loop. Owner: the link, and calls that wait for answers until close().
class KafkaClient : public std::enable_shared_from_this<KafkaClient> {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  // `random` chooses the broker that is asked first.
  static std::shared_ptr<KafkaClient> make(Loop& loop, const Clock& clock, ClientSettings settings,
                                           Random random);

  // Ends all connections. All waiting and all later calls fail with the reason.
  void close(const Error& reason);

  // Asks one of the brokers for the list of brokers, and for the partitions of these topics; nullopt: of all
  // topics. The request never creates a topic. Fails with NetworkFailure if no broker can be reached, and with the
  // errors of BrokerConnection.
  void ask_metadata(std::optional<std::vector<std::string>> topics, int64_t deadline_us,
                    Done<kafka::MetadataResponse> done);

  // Sends the request to one broker, whose address an earlier answer to Metadata has named.
  template <class Request, class Response>
  void ask_broker(int32_t broker, const Request& request, VersionRange allowed, int64_t deadline_us,
                  Done<Response> done) {
    find_broker(broker, deadline_us,
                retried<Request, Response>(request, allowed, deadline_us, std::move(done), true,
                                           std::optional(broker)));
  }

  // Returns the cluster's version of the protocol of transactions (KIP-890), as a broker has reported it.
  int16_t transaction_version() const { return transaction_version_; }
  const ClientSettings& settings() const { return settings_; }
  int64_t now_us() const { return clock_.monotonic_us(); }
  Loop& loop() const { return loop_; }

 private:
  using Found = std::function<void(Result<BrokerConnection*>)>;
  struct Slot {
    std::unique_ptr<BrokerConnection> connection;
    std::vector<Found> waiting;  // while the connection is being opened
  };
  struct Search;

  KafkaClient(Loop& loop, const Clock& clock, ClientSettings settings, Random random);

  // Returns a function that sends the request over the found connection. If the connection is lost before the answer,
  // the request is sent once more over another one: a broker ends connections that were idle for long.
  template <class Request, class Response>
  Found retried(Request request, VersionRange allowed, int64_t deadline_us, Done<Response> done,
                bool may_retry, std::optional<int32_t> broker) {
    return [self = shared_from_this(), request = std::move(request), allowed, deadline_us,
            done = std::move(done), may_retry, broker](Result<BrokerConnection*> found) {
      if (!found) return done(std::move(found).error());
      (*found)->template ask<Request, Response>(
          request, allowed, self->left_ms(deadline_us),
          [self, request, allowed, deadline_us, done, may_retry, broker](Result<Response> answer) {
            const bool is_lost = !answer && answer.error().code == ErrorCode::NetworkFailure;
            if (!is_lost || !may_retry || self->left_ms(deadline_us) <= 1 || self->closed_)
              return done(std::move(answer));
            Found again = self->retried<Request, Response>(request, allowed, deadline_us, done,
                                                           false, broker);
            if (broker)
              self->find_broker(*broker, deadline_us, std::move(again));
            else
              self->find_any(deadline_us, std::move(again));
          });
    };
  }

  // Calls `found` with an open connection, which is valid during the call.
  void find_any(int64_t deadline_us, Found found);
  void find_broker(int32_t broker, int64_t deadline_us, Found found);
  void try_next(const std::shared_ptr<Search>& search);
  void open(const Address& address, int64_t patience_ms, Found found);
  void opened(const std::string& place, Status status);
  std::vector<Address> candidates();
  // Returns the time until the deadline, and at most request.timeout.ms.
  int64_t left_ms(int64_t deadline_us) const;
  void retire(std::unique_ptr<BrokerConnection> connection);

  Loop& loop_;
  const Clock& clock_;
  const ClientSettings settings_;
  Random random_;
  std::map<std::string, Slot> slots_;  // by HOST:PORT
  std::map<int32_t, Address> brokers_;
  // Connections that are replaced; each is destroyed when its requests are answered.
  std::vector<std::unique_ptr<BrokerConnection>> retired_;
  int16_t transaction_version_ = 0;
  std::optional<Error> closed_;
};

}  // namespace server::kafka_client
