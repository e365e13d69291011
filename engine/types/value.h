// One SQL value, for literals, keys typed by hand, arguments of row-wise functions, and test data.
// Hot paths use columns instead.
#pragma once
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/types/type.h"

namespace engine {

using Int128 = __int128;

// An exact number: unscaled * 10^-scale.
struct Decimal {
  Int128 unscaled = 0;
  int scale = 0;
  bool operator==(const Decimal&) const =
      default;  // 1.10 differs from 1.1: compare() orders by number
};

class Value;
using ValueList = std::vector<Value>;
using ValueMap = std::vector<std::pair<Value, Value>>;  // in the order of insertion, keys distinct

// A value whose payload depends on its type: bool for Boolean; int32 for Integer, Date (days since
// 1970) and Time (ms of the day); int64 for Bigint and Timestamp (ms since 1970, UTC); double;
// Decimal; string for String (UTF-8) and Bytes; list for Array and Struct (fields in the type's
// order); map. monostate is NULL of any type.
class Value {
 public:
  using Payload = std::variant<std::monostate, bool, int32_t, int64_t, double, Decimal, std::string,
                               std::shared_ptr<const ValueList>, std::shared_ptr<const ValueMap>>;
  Value() = default;
  Value(Payload payload) : payload_(std::move(payload)) {}  // NOLINT: a payload is a value
  static Value boolean(bool b) { return Value(Payload(b)); }
  static Value integer(int32_t i) { return Value(Payload(i)); }
  static Value bigint(int64_t i) { return Value(Payload(i)); }
  static Value number(double d) { return Value(Payload(d)); }
  static Value decimal(Int128 unscaled, int scale) {
    return Value(Payload(Decimal{unscaled, scale}));
  }
  static Value text(std::string s) { return Value(Payload(std::move(s))); }
  static Value list(ValueList items) {
    return Value(Payload(std::make_shared<const ValueList>(std::move(items))));
  }
  static Value map(ValueMap entries) {
    return Value(Payload(std::make_shared<const ValueMap>(std::move(entries))));
  }

  bool is_null() const { return payload_.index() == 0; }
  const Payload& payload() const { return payload_; }
  bool as_bool() const { return std::get<bool>(payload_); }
  int32_t as_int32() const { return std::get<int32_t>(payload_); }
  int64_t as_int64() const { return std::get<int64_t>(payload_); }
  double as_double() const { return std::get<double>(payload_); }
  const Decimal& as_decimal() const { return std::get<Decimal>(payload_); }
  const std::string& as_string() const { return std::get<std::string>(payload_); }
  const ValueList& as_list() const { return *std::get<std::shared_ptr<const ValueList>>(payload_); }
  const ValueMap& as_map() const { return *std::get<std::shared_ptr<const ValueMap>>(payload_); }

  // Compares all levels. NULL equals NULL, NaN equals NaN (as in Java's Double.equals), and the
  // order of maps does not count.
  bool operator==(const Value& other) const;

 private:
  Payload payload_;
};

}  // namespace engine
