// Measures the transactions per second of a server. Each producer begins a transaction when its
// previous one has ended. The producers use plain sockets, so that no client library is measured.
//
//   bench_transactions HOST:PORT [--version 1|2] [--producers 8] [--records 100] [--partitions 3] [--seconds 5]
//
// Version 1 sends three requests: it adds the partitions, writes, and ends. Version 2 (KIP-890) sends two.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "records/batch_builder.h"
#include "records/control_batch.h"
#include "server/kafka/codec.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {
namespace {

constexpr const char* kTopic = "transactions-bench";
constexpr int kFirst = 1;
constexpr int8_t kOfTransactions = 1;
// Kafka answers the request that ends a transaction before it has written the markers of the
// transaction. Until it has written them, it answers the producer's next requests with this error.
constexpr KafkaError kConcurrentTransactions{51};

struct Options {
  std::string host, port;
  int version = kFirst, producers = 8, records = 100, partitions = 3, seconds = 5;
};

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "bench_transactions: {}\n", what);
  std::exit(1);
}

class Connection {
 public:
  explicit Connection(const Options& options) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(options.port)));
    ::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("cannot connect");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  template <class Response, class Request>
  Response ask(const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = 1, .client_id = "bench"},
                   request);
    if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
      fail("the connection has ended");
    const std::string size = receive(4);
    const std::string frame = receive(static_cast<size_t>(load_be<int32_t>(size.data())));
    auto response = decode_response<Response>(std::string_view(frame).substr(4), version);
    if (!response) fail(response.error().message);
    return *std::move(response);
  }

 private:
  std::string receive(size_t size) {
    std::string bytes(size, '\0');
    for (size_t got = 0; got < size;) {
      const ssize_t more = ::recv(socket_, bytes.data() + got, size - got, 0);
      if (more <= 0) fail("the connection has ended");
      got += static_cast<size_t>(more);
    }
    return bytes;
  }
  const int socket_;
};

void check(const char* what, KafkaError error) {
  if (error != KafkaError::None)
    fail(fmt::format("{}: error {}", what, static_cast<int16_t>(error)));
}

bool is_passing(KafkaError error) {
  return error == coordinator::kCoordinatorLoadInProgress ||
         error == coordinator::kNotCoordinator || error == KafkaError::CoordinatorNotAvailable ||
         error == kConcurrentTransactions;
}

class Producer {
 public:
  Producer(const Options& options, int number)
      : options_(options), id_(fmt::format("bench-{}", number)), connection_(options) {
    FindCoordinatorRequest find;  // Kafka creates the topic of the transactions at this request
    find.key = id_;
    find.key_type = kOfTransactions;
    (void)connection_.ask<FindCoordinatorResponse>(find, 1);
    InitProducerIdRequest init;
    init.transactional_id = id_;
    init.transaction_timeout_ms = 60'000;
    auto made = connection_.ask<InitProducerIdResponse>(init, 4);
    for (int i = 0; i < 100 && is_passing(made.error_code);
         ++i) {  // until the coordinator is loaded and has ended the previous transaction
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      made = connection_.ask<InitProducerIdResponse>(init, 4);
    }
    check("InitProducerId", made.error_code);
    producer_ = ProducerId{made.producer_id};
    epoch_ = made.producer_epoch;
  }

  void transact() {
    if (options_.version == kFirst) add_partitions();
    write();
    end();
  }

 private:
  void add_partitions() {
    AddPartitionsToTxnRequest add;
    add.transactional_id = id_;
    add.producer_id = producer_.value();
    add.producer_epoch = epoch_;
    add.topics.push_back({kTopic, {}});
    for (int32_t i = 0; i < options_.partitions; ++i) add.topics[0].partitions.push_back(i);
    while (true) {
      const auto added = connection_.ask<AddPartitionsToTxnResponse>(add, 3);
      const KafkaError error =
          added.results_by_topic.at(0).results_by_partition.at(0).partition_error_code;
      if (error != kConcurrentTransactions) return check("AddPartitionsToTxn", error);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void write() {
    ProduceRequest request;
    request.transactional_id = id_;
    request.acks = -1;
    request.timeout_ms = 10'000;
    request.topic_data.push_back({.name = kTopic});
    std::vector<std::string> batches;
    for (int32_t i = 0; i < options_.partitions; ++i) {
      const int32_t count = options_.records / options_.partitions +
                            (i < options_.records % options_.partitions ? 1 : 0);
      for (int32_t j = 0; j < count; ++j) builder_.append(1'700'000'000'000, "key", value_);
      int32_t& sequence = sequences_[i];
      batches.push_back(builder_.finish(records::Codec::None, {producer_, epoch_, sequence}));
      records::set_transactional(batches.back());
      sequence += count;
    }
    for (int32_t i = 0; i < options_.partitions; ++i)
      request.topic_data[0].partition_data.push_back(
          {.index = i, .records = std::string_view(batches[static_cast<size_t>(i)])});
    const int16_t version = options_.version == kFirst ? 9 : 12;
    bool is_over = false;
    while (!is_over) {  // the broker recognizes a repeated batch by its sequence number
      const auto written = connection_.ask<ProduceResponse>(request, version);
      is_over = true;
      for (const auto& partition : written.responses.at(0).partition_responses) {
        if (partition.error_code == kConcurrentTransactions)
          is_over = false;
        else
          check("Produce", partition.error_code);
      }
      if (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void end() {
    EndTxnRequest request;
    request.transactional_id = id_;
    request.producer_id = producer_.value();
    request.producer_epoch = epoch_;
    request.committed = true;
    const auto ended = connection_.ask<EndTxnResponse>(request, options_.version == kFirst ? 3 : 5);
    check("EndTxn", ended.error_code);
    if (options_.version == kFirst) return;
    producer_ = ProducerId{ended.producer_id};
    epoch_ = ended.producer_epoch;
    sequences_.clear();
  }

  const Options& options_;
  const std::string id_;
  Connection connection_;
  ProducerId producer_;
  int16_t epoch_ = 0;
  std::map<int32_t, int32_t> sequences_;
  records::BatchBuilder builder_;
  const std::string value_ = std::string(100, 'v');
};

void make_topic(const Options& options) {
  CreateTopicsRequest request;
  request.topics = {
      {.name = kTopic, .num_partitions = options.partitions, .replication_factor = 1}};
  request.timeout_ms = 10'000;
  const auto made = Connection(options).ask<CreateTopicsResponse>(request, 4);
  constexpr KafkaError kThereAlready{36};
  if (made.topics.at(0).error_code != kThereAlready)
    check("CreateTopics", made.topics.at(0).error_code);
}

Options parse(int argc, char** argv) {
  Options options;
  const std::string address = argc > 1 ? argv[1] : "";
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) fail("usage: bench_transactions HOST:PORT [options]");
  options.host = address.substr(0, colon);
  options.port = address.substr(colon + 1);
  const std::map<std::string, int*> flags = {{"--version", &options.version},
                                             {"--producers", &options.producers},
                                             {"--records", &options.records},
                                             {"--partitions", &options.partitions},
                                             {"--seconds", &options.seconds}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const auto flag = flags.find(argv[i]);
    if (flag == flags.end()) fail(fmt::format("there is no option {}", argv[i]));
    *flag->second = std::atoi(argv[i + 1]);
  }
  return options;
}

int run(const Options& options) {
  using Clock = std::chrono::steady_clock;
  make_topic(options);
  std::vector<std::unique_ptr<Producer>> producers;
  for (int number = 0; number < options.producers; ++number)
    producers.push_back(std::make_unique<Producer>(options, number));
  std::atomic<int64_t> count = 0;
  std::vector<std::vector<double>> times_ms(static_cast<size_t>(options.producers));
  const auto begin = Clock::now();
  const auto until = begin + std::chrono::seconds(options.seconds);
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < options.producers; ++number)
      threads.emplace_back([&, number] {
        Producer& producer = *producers[static_cast<size_t>(number)];
        while (Clock::now() < until) {
          const auto begun = Clock::now();
          producer.transact();
          times_ms[static_cast<size_t>(number)].push_back(
              std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
          ++count;
        }
      });
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<double> all;
  for (const auto& each : times_ms) all.insert(all.end(), each.begin(), each.end());
  std::ranges::sort(all);
  fmt::print(
      "{{\"version\": {}, \"transactions_per_s\": {:.0f}, \"p50_ms\": {:.2f}, \"p99_ms\": "
      "{:.2f}}}\n",
      options.version, static_cast<double>(count) / seconds, all[all.size() / 2],
      all[all.size() * 99 / 100]);
  return 0;
}

}  // namespace
}  // namespace server::kafka

int main(int argc, char** argv) { return server::kafka::run(server::kafka::parse(argc, argv)); }
