#include "server/sql/serial/sequence_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <utility>

#include "engine/catalog/passed_numbers.h"
#include "engine/types/ascii.h"
#include "server/sql/serial/number_ranges.h"

namespace server {

namespace {

using std::chrono::milliseconds;

// The number of values that one reservation takes. The minimum is the number that PostgreSQL
// reserves in its log. If the values are used up fast, more are reserved at once, because each
// reservation is a command of the metadata log and takes much longer than the use of the values.
constexpr int64_t kFewest = 32, kMost = 1024;
constexpr milliseconds kFast{1000}, kSlow{10'000};
// A brief reserve (see is_brief()) may give its numbers only until kBrief after they were
// requested. Its first reservation has only one number, so that no number is skipped if only few
// are needed. Other nodes wait for kBriefForOthers, a little longer, since the clocks of two nodes
// do not run at exactly the same speed.
constexpr int64_t kFewestBrief = 1;
constexpr milliseconds kBrief{3000}, kBriefForOthers{3300}, kAtOnce{0};
// The largest CACHE of a sequence that is respected.
constexpr int64_t kMostCached = 1'000'000;
// Interval between two checks whether the waiting statement was cancelled.
constexpr milliseconds kLook{20};
constexpr size_t kMostRanges = 256;

// Returns the error for a reservation that failed. The command may have been applied nevertheless;
// then the reserved numbers are skipped.
Error none_given(const std::string& sequence, const Error& why) {
  if (why.code != ErrorCode::ReadTimeout) return why;
  return {ErrorCode::NotLeader,
          fmt::format("sequence \"{}\" has no reserved numbers left, and etcd does not answer",
                      engine::display_name(sequence)),
          "No number was used, and no row was written.", "Try again when etcd is available."};
}

}  // namespace

struct SequenceReserves::State {
  using Clock = std::chrono::steady_clock;
  // The unused numbers of the newest reservation. Numbers of an older version of the sequence must
  // not be returned.
  struct Reserve {
    int64_t version = 0;
    // The reserve began with this number: each number from `from` to `reserved_to` was returned, is
    // still in the reserve, or was dropped.
    int64_t from = 1;
    int64_t next = 0, left = 0, increment = 1;
    int64_t given = 0, reserved_to = 0;
    // Whether a number of this reserve was returned to a statement. This is false if the statement
    // was cancelled before the numbers arrived.
    bool has_given = false;
    bool is_brief = false;
    bool is_reserving = false;
    int64_t awaited = 0;                // count of numbers that statements wait for
    int64_t rounds = 0;                 // number of finished reservations
    std::optional<Error> refusal = {};  // set if the last reservation failed
    int64_t size = 0;
    // `reserved_at`: time of the last reservation. `asked_at`: time of the request that reserved
    // the present numbers.
    Clock::time_point reserved_at = {}, asked_at = {};
    // Settled numbers: numbers that, as far as this node knows, no node has in its reserve. They
    // are never given again, unless setval() moves the sequence.
    NumberRanges settled{kMostRanges};
    struct Settling {
      Clock::time_point at;
      int64_t to;
    };
    std::vector<Settling> settling = {};

    // Begins a reservation and returns its size.
    int64_t begin() {
      const auto now = Clock::now();
      const auto since = now - reserved_at;
      const int64_t fewest = is_brief ? kFewestBrief : kFewest;
      size = since < kFast                         ? std::clamp(2 * size, fewest, kMost)
             : since > (is_brief ? kBrief : kSlow) ? fewest
                                                   : std::max(size, fewest);
      reserved_at = now;
      return std::max(awaited, size);
    }
    // Copies numbers of this reserve to `numbers` until either is used up, and returns how many
    // were copied.
    size_t give(int64_t of_version, std::span<int64_t> numbers) {
      look_at_time(of_version);
      const size_t count = std::min(numbers.size(), static_cast<size_t>(left));
      for (size_t i = 0; i < count; ++i) {
        given = numbers[i] = next;
        has_given = true;
        step();
      }
      return count;
    }
    // Drops the numbers of the reserve if the time of a brief reserve is over or if their version
    // is outdated. Then moves numbers whose waiting time is over to `settled`.
    void look_at_time(int64_t of_version) {
      const auto now = Clock::now();
      if (version < of_version || (is_brief && now - asked_at > kBrief)) drop();
      if (version / engine::kVersionsOfCount != of_version / engine::kVersionsOfCount) forget();
      std::erase_if(settling, [&](const Settling& each) {
        if (each.at > now) return false;
        settled.add(INT64_MIN, each.to);
        return true;
      });
    }
    // Drops the unused numbers. No row gets them afterwards.
    void drop() {
      if (is_brief) settled.add(from, reserved_to);
      left = 0;
    }
    // Forgets the settled numbers: setval() has moved the sequence, so nodes may reserve and give
    // these numbers again.
    void forget() {
      settled.clear();
      settling.clear();
      from = reserved_to + 1;
    }
    // Returns whether this node can prove that no node will give this number to a row, so that only
    // rows with an explicit number have it. To prove it, the reserve skips all of its numbers up to
    // this one.
    bool settles(int64_t number) {
      if (settled.contains(number)) return true;
      while (left > 0 && next <= number && number <= reserved_to) step();
      return number >= from && (left > 0 ? number < next : number <= reserved_to);
    }
    void step() {
      if (--left > 0) next += increment;
    }
    void take_in(int64_t of_version, const engine::SequenceNumbers& numbers,
                 Clock::time_point asked) {
      if (numbers.count == 0) return;
      look_at_time(of_version);
      drop();
      version = of_version;
      from = next = numbers.first;
      left = numbers.count;
      increment = numbers.increment;
      reserved_to = numbers.last();
      asked_at = asked;
      has_given = false;
    }
  };

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex
  std::map<Uuid, Reserve> reserves;
};

SequenceReserves::SequenceReserves(MetadataApplier& definitions)
    : definitions_(definitions),
      transactions_(std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count()),
      state_(std::make_shared<State>()) {}
SequenceReserves::~SequenceReserves() = default;

Result<engine::SequencePtr> SequenceReserves::find(const std::string& name) const {
  const MetadataImagePtr image = definitions_.image();
  if (const engine::SequencePtr* found = image->catalog->sequences.get(name)) return *found;
  return Error{ErrorCode::UndefinedSource,
               fmt::format("relation \"{}\" does not exist", engine::display_name(name))};
}

bool SequenceReserves::is_brief(const engine::Sequence& sequence) const {
  return is_shared_ && engine::is_passed_by_rows(sequence);
}

// Submits a reservation of `count` numbers. Called without the lock, since submit() may refuse the
// command and call back within the call.
void SequenceReserves::reserve(const engine::Sequence& sequence, int64_t count) {
  MetadataApplier::SequenceMove move;
  move.name = sequence.name;
  move.count = std::max(count, std::min(sequence.cache, kMostCached));
  definitions_.submit(
      std::move(move), [state = state_, id = sequence.id,
                        asked = State::Clock::now()](Result<MetadataApplier::SequenceMoved> moved) {
        const std::lock_guard lock(state->mutex);
        State::Reserve& waited = state->reserves[id];
        waited.is_reserving = false;
        ++waited.rounds;
        waited.refusal = moved ? std::optional<Error>() : std::optional(moved.error());
        if (moved) waited.take_in(moved->version, moved->numbers, asked);
        state->changed.notify_all();
      });
}

Status SequenceReserves::take(const std::string& name, std::span<int64_t> numbers,
                              engine::EvalBudget* budget) {
  std::unique_lock lock(state_->mutex, std::defer_lock);
  while (true) {
    const engine::SequencePtr sequence = TRY(find(name));
    lock.lock();
    State::Reserve& reserve = state_->reserves[sequence->id];
    reserve.is_brief = is_brief(*sequence);
    numbers = numbers.subspan(reserve.give(sequence->version, numbers));
    if (numbers.empty()) return {};
    const auto wanted = static_cast<int64_t>(numbers.size());
    reserve.awaited += wanted;
    const int64_t round = reserve.rounds;
    const bool begins = !std::exchange(reserve.is_reserving, true);
    const int64_t count = begins ? reserve.begin() : 0;
    lock.unlock();
    if (begins) this->reserve(*sequence, count);
    lock.lock();
    State::Reserve& waited = state_->reserves[sequence->id];
    while (waited.rounds == round && !(budget && budget->is_over()))
      state_->changed.wait_for(lock, kLook);
    waited.awaited -= wanted;
    if (waited.rounds == round)
      return Error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
    if (waited.refusal && waited.left == 0) return none_given(name, *waited.refusal);
    lock.unlock();
  }
}

bool SequenceReserves::try_take(const std::string& name, std::span<int64_t> numbers) {
  const auto sequence = find(name);
  if (!sequence) return false;
  const std::lock_guard lock(state_->mutex);
  State::Reserve& reserve = state_->reserves[(*sequence)->id];
  reserve.is_brief = is_brief(**sequence);
  reserve.look_at_time((*sequence)->version);
  if (reserve.left < static_cast<int64_t>(numbers.size())) return false;
  reserve.give((*sequence)->version, numbers);
  return true;
}

// Reserves numbers for this request alone, because another request could take numbers of the common
// reserve first.
void SequenceReserves::take_later(const std::string& name, size_t count, Taken done) {
  std::vector<int64_t> numbers(count);
  if (try_take(name, numbers)) return done(std::move(numbers));
  MetadataApplier::SequenceMove move;
  move.name = name;
  move.count = static_cast<int64_t>(count);
  definitions_.submit(
      std::move(move), [this, name, count, asked = State::Clock::now(),
                        done = std::move(done)](Result<MetadataApplier::SequenceMoved> moved) {
        if (!moved) return done(none_given(name, moved.error()));
        if (const auto sequence = find(name); sequence && is_brief(**sequence)) {
          if (State::Clock::now() - asked > kBrief) return take_later(name, count, done);
          const std::lock_guard lock(state_->mutex);
          state_->reserves[moved->id].settled.add(moved->numbers.first, moved->numbers.last());
        }
        std::vector<int64_t> given;
        for (int64_t i = 0; i < moved->numbers.count; ++i)
          given.push_back(moved->numbers.first + i * moved->numbers.increment);
        if (given.size() == count) return done(std::move(given));
        // The sequence has reached its last number. The request for the missing numbers fails
        // unless the sequence cycles.
        const size_t missing = count - given.size();
        take_later(name, missing,
                   [given = std::move(given), done](Result<std::vector<int64_t>> rest) mutable {
                     if (!rest) return done(std::move(rest));
                     given.insert(given.end(), rest->begin(), rest->end());
                     done(std::move(given));
                   });
      });
}

Status SequenceReserves::set(const std::string& name,
                             const MetadataApplier::SequenceMove::Value& value,
                             engine::EvalBudget* budget) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Status> status;
  };
  const auto answer = std::make_shared<Answer>();
  MetadataApplier::SequenceMove move;
  move.name = name;
  move.set = value;
  definitions_.submit(std::move(move),
                      [answer](const Result<MetadataApplier::SequenceMoved>& moved) {
                        const std::lock_guard lock(answer->mutex);
                        answer->status = moved ? Status() : Status(moved.error());
                        answer->changed.notify_all();
                      });
  std::unique_lock lock(answer->mutex);
  while (!answer->status && !(budget && budget->is_over())) answer->changed.wait_for(lock, kLook);
  if (answer->status) return *answer->status;
  return Error{ErrorCode::QueryCanceled, "canceling statement due to user request",
               "It is not known whether the sequence was set."};
}

void SequenceReserves::pass(GivenNumbers given, Passed done) {
  const auto sequence = find(given.sequence);
  if (!sequence || !is_brief(**sequence)) return done(kAtOnce);
  MetadataApplier::SequenceMove move;
  move.name = (*sequence)->name;
  {
    const std::lock_guard lock(state_->mutex);
    State::Reserve& reserve = state_->reserves[(*sequence)->id];
    reserve.is_brief = true;
    reserve.look_at_time((*sequence)->version);
    std::ranges::sort(given.numbers);
    std::erase_if(given.numbers, [&](int64_t number) {
      return number < (*sequence)->min || reserve.settles(number);
    });
    if (!given.numbers.empty()) {
      move.passed = {given.numbers.front(), given.numbers.back()};
      move.count = reserve.begin();
    }
  }
  if (!move.passed) return done(kAtOnce);
  definitions_.submit(move, [state = state_, id = (*sequence)->id, greatest = move.passed->greatest,
                             asked = State::Clock::now(),
                             done = std::move(done)](Result<MetadataApplier::SequenceMoved> moved) {
    if (!moved) return done(std::move(moved).error());
    const engine::PassedNumbers& passed = moved->passed;
    if (moved->id == id) {
      const std::lock_guard lock(state->mutex);
      State::Reserve& reserve = state->reserves[id];
      reserve.take_in(moved->version, moved->numbers, asked);
      reserve.given = reserve.from - reserve.increment;
      reserve.has_given = true;
      reserve.settled.add(passed.has_reserved ? passed.reserved_to + 1 : INT64_MIN, greatest);
      if (passed.ends_reserves)
        reserve.settling.push_back(
            {State::Clock::now() + kBriefForOthers, std::max(greatest, passed.reserved_to)});
    }
    done(passed.ends_reserves ? kBriefForOthers : kAtOnce);
  });
}

engine::SequencePosition SequenceReserves::position(const engine::Sequence& sequence) const {
  engine::SequencePosition position{sequence.last_value, sequence.is_called, 0};
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->reserves.find(sequence.id);
  if (found == state_->reserves.end()) return position;
  const State::Reserve& reserve = found->second;
  if (reserve.version != sequence.version || reserve.reserved_to != sequence.last_value ||
      reserve.left == 0 || !reserve.has_given)
    return position;
  position.last_value = reserve.given;
  position.reserved = reserve.left;
  return position;
}

std::optional<MetadataApplier::SequenceMove> SequenceReserves::unused(
    const engine::Sequence& sequence) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->reserves.find(sequence.id);
  if (found == state_->reserves.end()) return std::nullopt;
  State::Reserve& reserve = found->second;
  if (reserve.left == 0 || !reserve.has_given) return std::nullopt;
  MetadataApplier::SequenceMove move;
  move.name = sequence.name;
  move.unused = {sequence.id, reserve.version, reserve.reserved_to, reserve.given};
  if (reserve.is_brief) reserve.settled.add(reserve.from, reserve.given);
  reserve.from = reserve.reserved_to + 1;
  reserve.left = 0;
  return move;
}

void SequenceReserves::give_back() {
  std::vector<std::future<void>> under_way;
  std::vector<MetadataApplier::SequenceMove> moves;
  const auto image = definitions_.image();
  for (const auto& [name, sequence] : image->catalog->sequences)
    if (auto move = unused(*sequence)) moves.push_back(std::move(*move));
  for (MetadataApplier::SequenceMove& move : moves) {
    const auto done = std::make_shared<std::promise<void>>();
    under_way.push_back(done->get_future());
    definitions_.submit(std::move(move), [done](const Result<MetadataApplier::SequenceMoved>&) {
      done->set_value();
    });
  }
  constexpr std::chrono::seconds kPatience{5};
  for (const std::future<void>& each : under_way) each.wait_for(kPatience);
}

// Returns the unused numbers of one sequence to the metadata log. `done` is called even if the
// command is refused; the numbers are then skipped.
void SequenceReserves::give_back(const std::string& name, std::function<void()> done) {
  const auto sequence = find(name);
  auto move = sequence ? unused(**sequence) : std::nullopt;
  if (!move) return done();
  definitions_.submit(
      std::move(*move),
      [done = std::move(done)](const Result<MetadataApplier::SequenceMoved>&) { done(); });
}

}  // namespace server
