#include "tests/sim/transactional_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "records/batch_builder.h"
#include "records/control_batch.h"

namespace sim {

using namespace server::coordinator;
using storage::TopicPartition;

namespace {

constexpr int64_t kTimeoutUs = 700'000, kRetryUs = 40'000, kClientPauseUs = 20'000, kWayUs = 300;

bool passes(KafkaError error) {
  return error == kNotCoordinator || error == kCoordinatorLoadInProgress ||
         error == KafkaError::CoordinatorNotAvailable || error == kConcurrentTransactions;
}

}  // namespace

class TransactionalClient::Process {
 public:
  Process(TransactionalClient& client, size_t number)
      : client_(client),
        world_(client.world_),
        number_(number),
        is_second_(world_.chance.one_in(2)) {}

  void start() { init(); }
  bool is_over() const { return is_over_; }
  bool is_idle() const { return is_over_ || is_idle_; }
  // Returns the event for which the process waits.
  std::string describe() const {
    return fmt::format("process {} of {} {}: {}", number_, client_.id_, transactions_, state_);
  }
  void fence(int64_t now_us) {
    if (!fenced_us_) fenced_us_ = now_us;
  }
  void is_latest() { fenced_us_.reset(); }
  // Returns the producer's id and epoch. The greater one of two such pairs was assigned later.
  std::pair<ProducerId, int16_t> producer() const { return {producer_.id, producer_.epoch}; }

 private:
  // --- The network

  // Returns the leader that the client remembers. Like real clients, asks some node for the leader
  // only if the client does not know it.
  SimNode* leader_of(const TopicPartition& partition) {
    const auto remembered = leaders_.find(partition);
    if (remembered != leaders_.end()) return remembered->second;
    SimNode* const leader = ask_leader_of(partition);
    const bool is_coordinator = partition == world_.transactions.state_of(client_.id_);
    if (leader != nullptr && !is_coordinator) leaders_[partition] = leader;
    return leader;
  }
  SimNode* ask_leader_of(const TopicPartition& partition) {
    SimNode& asked = *world_.chance.one_of(world_.nodes);
    const auto* known =
        asked.cluster() != nullptr ? asked.cluster()->cluster()->find(partition) : nullptr;
    if (known == nullptr || !known->leader) return nullptr;
    return world_.nodes[static_cast<size_t>(known->leader->value() - 1)].get();
  }
  // Calls `done` exactly once: with the answer, or with null if no answer arrives in time.
  template <class Answer>
  void call(const TopicPartition& partition, int64_t way_us,
            std::function<void(SimNode&, std::function<void(Answer)>)> arrive,
            std::function<void(const Answer*)> done) {
    SimNode* to = leader_of(partition);
    if (to == nullptr) return done(nullptr);
    auto is_answered = std::make_shared<bool>(false);
    const auto once = [is_answered, done = std::move(done)](const Answer* answer) {
      if (!std::exchange(*is_answered, true)) done(answer);
    };
    world_.queue.after(kTimeoutUs, [once] { once(nullptr); });
    world_.queue.after(
        world_.chance.delay_us(way_us), [this, to, arrive = std::move(arrive), once] {
          to->run(to->life(), [this, to, arrive, once] {
            arrive(*to, [this, to, life = to->life(), once](Answer answer) {
              if (to->life() != life || world_.chance.one_in(50)) return;
              world_.queue.after(world_.chance.delay_us(kWayUs), [once, answer] { once(&answer); });
            });
          });
        });
  }
  template <class Request>
  void ask(Request request, std::function<void(const typename Request::Answer*)> done) {
    using Answer = typename Request::Answer;
    call<Answer>(
        world_.transactions.state_of(client_.id_), kWayUs,
        [request = std::move(request)](SimNode& node, std::function<void(Answer)> reply) {
          node.coordinators()->ask(request, reply);
        },
        std::move(done));
  }
  void again(std::function<void()> work) {
    world_.queue.after(world_.chance.delay_us(kRetryUs), std::move(work));
  }

  template <class Answer>
  void note(std::string_view what, const Answer* answer) {
    state_ = answer ? fmt::format("{}, and gets the error code {}", what,
                                  static_cast<int>(answer->error))
                    : fmt::format("{}, and gets no answer", what);
  }

  // --- The transactions, from InitProducerId on

  void init() {
    transaction_.reset();
    if (client_.is_stopping_) return rest();
    InitProducer request{.transactional_id = client_.id_, .timeout_ms = timeout_ms_};
    ask(std::move(request), [this](const InitializedProducer* answer) {
      note("begins", answer);
      if (!answer || answer->error != KafkaError::None) return again([this] { init(); });
      producer_ = answer->producer;
      sequences_.clear();
      client_.initialized(*this);
      begin();
    });
  }

  void rest() { is_idle_ = true; }
  void give_up() {
    is_over_ = true;
    client_.ended(*this);
  }

  void begin() {
    if (client_.is_stopping_) return rest();
    // another process begins, and this process continues as well
    if (world_.chance.one_in(25)) client_.begin_process();
    transaction_ =
        client_.checker_.begin(fmt::format("{}.{}.{}", client_.id_, number_, ++transactions_));
    left_.clear();
    for (const TopicPartition& partition : world_.transactions.written)
      if (world_.chance.one_in(2)) left_.push_back(partition);
    if (left_.empty()) left_.push_back(world_.chance.one_of(world_.transactions.written));
    is_commit_ = !world_.chance.one_in(4);
    // The application pauses, perhaps for too long.
    const int64_t pause_us =
        world_.chance.one_in(100) ? timeout_ms_ * 1'500 : world_.chance.between(1, 3'000);
    world_.queue.after(pause_us, [this] { is_second_ ? write() : add(); });
  }

  AddPartitions membership() const {
    return {
        .transactional_id = client_.id_, .producer = producer_, .is_of_second_version = is_second_};
  }
  void add() {
    AddPartitions request = membership();
    for (const TopicPartition& partition : left_)
      request.partitions[TransactionTopics::kName].push_back(partition.partition.value());
    ask(std::move(request), [this](const TransactionAnswer* answer) {
      note("adds partitions", answer);
      if (!answer || passes(answer->error)) return again([this] { add(); });
      if (answer->error != KafkaError::None) return give_up();
      write();
    });
  }

  void write() {
    if (left_.empty()) return end();
    const TopicPartition partition = left_.back();
    left_.pop_back();
    records::BatchBuilder builder;
    auto& values = transaction_->values[partition];
    const int64_t count = world_.chance.between(1, 4);
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(
          fmt::format("{}/{}/{}", transaction_->name, partition.partition.value(), values.size()));
      builder.append(1'000, "key", values.back());
    }
    int32_t& sequence = sequences_[partition];
    SimCoordinators::Write write{
        partition, builder.finish(records::Codec::None, {producer_.id, producer_.epoch, sequence}),
        membership()};
    records::set_transactional(write.batch);
    sequence += static_cast<int32_t>(count);
    write.membership.partitions[TransactionTopics::kName] = {partition.partition.value()};
    write.membership.verify_only = !is_second_;
    // Aborts while a batch is in flight. The batch may arrive after the end of its transaction.
    if (world_.chance.one_in(10)) {
      is_commit_ = false;
      is_unresolved_ = true;
      const bool is_near = world_.chance.one_in(2);
      send(std::move(write), is_near ? kWayUs : world_.chance.between(kWayUs, 60'000), [](auto) {});
      world_.queue.after(world_.chance.between(1, is_near ? 1'000 : 20'000), [this] { end(); });
      return;
    }
    write_again(std::move(write));
  }
  void write_again(SimCoordinators::Write write) {
    using Written = SimCoordinators::Written;
    send(write, kWayUs, [this, write](const Written* answer) {
      state_ = answer ? "writes, and has to try again" : "writes, and gets no answer";
      if (!answer || *answer == Written::TryAgain) {
        leaders_.erase(write.partition);
        return again([this, write] { write_again(write); });
      }
      // A batch is sent again only while its transaction is open. The answer therefore must not be
      // NotPartOfIt.
      if (*answer == Written::NotPartOfIt && !is_second_)
        world_.findings.add(
            fmt::format("the answer to a batch of transaction {} is that it belongs to none",
                        transaction_->name));
      if (*answer == Written::Refused || *answer == Written::NotPartOfIt) return give_up();
      this->write();
    });
  }
  void send(SimCoordinators::Write write, int64_t way_us,
            std::function<void(const SimCoordinators::Written*)> done) {
    const TopicPartition partition = write.partition;
    call<SimCoordinators::Written>(
        partition, way_us,
        [write = std::move(write)](SimNode& node,
                                   std::function<void(SimCoordinators::Written)> reply) {
          node.coordinators()->write(write, reply);
        },
        std::move(done));
  }

  void end() {
    using State = SimTransaction::State;
    if (is_commit_ && transaction_->state == State::Open) {
      transaction_->state = State::CommitAsked;
      asked_us_ = world_.queue.now_us();
    }
    EndTransaction request{.transactional_id = client_.id_,
                           .producer = producer_,
                           .is_commit = is_commit_,
                           .is_of_second_version = is_second_};
    ask(std::move(request), [this](const EndedTransaction* answer) {
      note("ends", answer);
      if (!answer || passes(answer->error)) return again([this] { end(); });
      if (answer->error != KafkaError::None) return give_up();
      transaction_->state = is_commit_ ? State::Committed : State::Aborted;
      if (is_commit_ && fenced_us_ && *fenced_us_ < asked_us_)
        world_.findings.add(
            fmt::format("transaction {} was committed by a producer that had been fenced before",
                        transaction_->name));
      if (is_second_) {
        producer_ = answer->producer;
        sequences_.clear();
      }
      const bool is_initialized_again = std::exchange(is_unresolved_, false);
      // The next transaction may begin immediately, while messages of this transaction are still in flight.
      world_.queue.after(world_.chance.one_in(2) ? 1 : world_.chance.delay_us(kClientPauseUs),
                         [this, is_initialized_again] { is_initialized_again ? init() : begin(); });
    });
  }

  TransactionalClient& client_;
  SimNode::World& world_;
  const size_t number_;
  const bool is_second_;  // whether the second version of the protocol is used
  const int32_t timeout_ms_ = static_cast<int32_t>(world_.chance.between(800, 2'500));
  ProducerIdentity producer_;
  std::map<TopicPartition, int32_t> sequences_;
  std::shared_ptr<SimTransaction> transaction_;
  std::vector<TopicPartition> left_;
  std::map<TopicPartition, SimNode*> leaders_;
  int64_t transactions_ = 0, asked_us_ = 0;
  std::optional<int64_t> fenced_us_;
  std::string state_ = "has not begun";
  bool is_commit_ = false, is_unresolved_ = false, is_over_ = false, is_idle_ = false;
};

TransactionalClient::TransactionalClient(SimNode::World& world, TransactionChecker& checker,
                                         std::string id)
    : world_(world), checker_(checker), id_(std::move(id)) {}
TransactionalClient::~TransactionalClient() = default;

bool TransactionalClient::is_idle() const {
  return std::ranges::all_of(processes_, [](const auto& each) { return each->is_idle(); });
}

std::string TransactionalClient::describe() const {
  for (const auto& each : processes_)
    if (!each->is_idle()) return each->describe();
  return "no process waits";
}

void TransactionalClient::begin_process() {
  processes_.push_back(std::make_unique<Process>(*this, processes_.size()));
  world_.queue.after(1, [process = processes_.back().get()] { process->start(); });
}

// The answers to InitProducerId may reach the processes in any order. The process with the greater
// producer id and epoch is the newer one, and fences the other one.
void TransactionalClient::initialized(Process& process) {
  process.is_latest();
  for (const auto& each : processes_) {
    if (each.get() == &process) continue;
    Process& older = each->producer() < process.producer() ? *each : process;
    older.fence(world_.queue.now_us());
  }
}

// Called when a process has ended. If all processes of the transactional id have ended, starts the
// next process after a pause.
void TransactionalClient::ended(const Process&) {
  const bool are_all_over =
      std::ranges::all_of(processes_, [](const auto& each) { return each->is_over(); });
  if (!are_all_over || is_stopping_) return;
  world_.queue.after(world_.chance.delay_us(kClientPauseUs), [this] {
    if (!is_stopping_) begin_process();
  });
}

}  // namespace sim
