// Implements aggregates as classes. accumulator_of<State>() makes the function table (Accumulator)
// of a class. Used by the aggregates in this folder and in engine/query/ordered_sets.cc.
#pragma once
#include <memory>
#include <new>
#include <string>

#include "base/bytes.h"
#include "engine/functions/aggregate.h"
#include "engine/functions/cells.h"

namespace engine {

// A State has
//   void|Status update(const AggregateInstance&, AggregateColumns, size_t row);
//   void|Status undo(const AggregateInstance&, AggregateColumns, size_t row);     optional
//   void|Status merge(const AggregateInstance&, const State& other);
//   void result(const AggregateInstance&, Column& out) const;
//   void encode(std::string& out) const;
//   void decode(const AggregateInstance&, ByteReader& in);        missing bytes make `in` fail
template <class State>
struct AccumulatorOf {
  // Copying kDone takes a nanosecond. `return {}` would take ten, because it first fills a whole
  // Status with zeros.
  static inline const Status kDone;

  template <class F>
  static Status status_of(F&& act) {
    if constexpr (std::is_void_v<decltype(act())>) {
      act();
      return kDone;
    } else {
      return act();
    }
  }
  static State& at(void* state) { return *static_cast<State*>(state); }
  static const State& at(const void* state) { return *static_cast<const State*>(state); }

  static void init(const AggregateInstance&, void* state) { ::new (state) State(); }
  static void destroy(const AggregateInstance&, void* state) { at(state).~State(); }
  static Status update(const AggregateInstance& instance, void* state, AggregateColumns args,
                       size_t row) {
    return status_of([&] { return at(state).update(instance, args, row); });
  }
  static Status undo(const AggregateInstance& instance, void* state, AggregateColumns args,
                     size_t row) {
    return status_of([&] { return at(state).undo(instance, args, row); });
  }
  static Status merge(const AggregateInstance& instance, void* state, const void* other) {
    return status_of([&] { return at(state).merge(instance, at(other)); });
  }
  static void result(const AggregateInstance& instance, const void* state, Column& out) {
    at(state).result(instance, out);
  }
  static void encode(const AggregateInstance&, const void* state, std::string& out) {
    at(state).encode(out);
  }
  static Status decode(const AggregateInstance& instance, void* state, std::string_view bytes) {
    ByteReader in(bytes);
    at(state).decode(instance, in);
    if (in.ok() && in.at_end()) return {};
    return Error{ErrorCode::CorruptRecord, "a stored state does not fit its aggregate function"};
  }
};

template <class State>
constexpr Accumulator accumulator_of() {
  static_assert(alignof(State) <= 16);
  using Of = AccumulatorOf<State>;
  Accumulator accumulator{
      .state_size = sizeof(State),
      .state_align = alignof(State),
      .init = Of::init,
      .destroy = std::is_trivially_destructible_v<State> ? nullptr : Of::destroy,
      .update = Of::update,
      .undo = nullptr,
      .merge = Of::merge,
      .result = Of::result,
      .encode = Of::encode,
      .decode = Of::decode};
  if constexpr (requires { &State::undo; }) accumulator.undo = Of::undo;
  return accumulator;
}

// ---- Numbers and texts in encoded states ----

inline void put(std::string& out, int32_t value) { append_varint(out, zigzag(value)); }
inline void put(std::string& out, int64_t value) { append_varint(out, zigzag(value)); }
inline void put(std::string& out, double value) { append_be(out, std::bit_cast<uint64_t>(value)); }
inline void put(std::string& out, Int128 value) {
  append_be(out, static_cast<uint64_t>(static_cast<unsigned __int128>(value) >> 64));
  append_be(out, static_cast<uint64_t>(value));
}
inline void put(std::string& out, std::string_view value) {
  append_varint(out, value.size());
  out += value;
}

template <class T>
T take(ByteReader& in) {
  if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(in.be<uint64_t>());
  else if constexpr (std::is_same_v<T, Int128>) {
    const auto high = static_cast<unsigned __int128>(in.be<uint64_t>());
    return static_cast<Int128>(high << 64 | in.be<uint64_t>());
  } else if constexpr (std::is_same_v<T, std::string>)
    return std::string(in.bytes(in.varint()));
  else
    return static_cast<T>(in.signed_varint());
}

}  // namespace engine
