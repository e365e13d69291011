// A single message transform of Kafka Connect, and the predicates that decide whether it is applied.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/connect/properties.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

// The part of a record that a transform class changes. The class name ends with "$Key" or "$Value".
// None: the class has no such suffix.
enum class TransformSide : uint8_t { None, Key, Value };

// A transform must give equal results for equal records: after a crash, a sink processes a range of
// records again and must write the same bytes.
//
// Threads: any number at the same time. Owner: a chain.
class Transform {
 public:
  virtual ~Transform() = default;
  // Changes the record. Returns false if the record is to be dropped. Fails with a permanent error
  // if the transform cannot process records of this kind.
  virtual Result<bool> apply(ConnectRecord& record) const = 0;
  // Returns the topic to which the transform sends a record of this topic.
  virtual std::string route(const std::string& topic) const { return topic; }
  virtual bool is_router() const { return false; }
  // Returns whether the transform sets the topic of a record by the record's time, so that route()
  // cannot name all topics.
  virtual bool routes_by_time() const { return false; }
  // Return whether the transform reads or replaces the key or the value. A part that no transform
  // uses stays unchanged, even if it cannot be decoded.
  virtual bool uses(TransformSide side) const = 0;
  // Returns whether the transform needs data with a schema.
  virtual bool needs_schema() const { return false; }
};

// Threads and owner: see Transform.
class TransformPredicate {
 public:
  virtual ~TransformPredicate() = default;
  virtual bool holds(const ConnectRecord& record) const = 0;
  // Returns whether the predicate depends only on the topic of the record.
  virtual bool is_of_topic() const { return false; }
  virtual bool uses_value() const { return false; }
};

// Returns the key or the value of the record.
inline ConnectDatum& datum_of(ConnectRecord& record, TransformSide side) {
  return side == TransformSide::Key ? record.key : record.value;
}

// A transform of the key or of the value.
class SidedTransform : public Transform {
 public:
  explicit SidedTransform(TransformSide side) : side_(side) {}
  Result<bool> apply(ConnectRecord& record) const final {
    TRY(change(record, datum_of(record, side_)));
    return true;
  }
  bool uses(TransformSide side) const override { return side == side_; }

 protected:
  // Changes `datum`, which is the key or the value of the record.
  virtual Status change(ConnectRecord& record, ConnectDatum& datum) const = 0;

 private:
  const TransformSide side_;
};

// Makes a transform from its options, which have been checked against the rows of the class. Fails
// with InvalidParameter if the options contradict each other. The message may begin with the name
// of an option: "spec: ...".
using MakeTransform = Result<std::unique_ptr<Transform>> (*)(const PropertyValues& options,
                                                             TransformSide side);
using MakePredicate =
    Result<std::unique_ptr<TransformPredicate>> (*)(const PropertyValues& options);

// The classes of one file, by their simple names.
struct TransformClass {
  std::string_view name;  // "InsertField", without package and side
  bool has_sides;
  std::span<const PropertyRow> options;
  MakeTransform make;
};
struct PredicateClass {
  std::string_view name;
  std::span<const PropertyRow> options;
  MakePredicate make;
};

std::span<const TransformClass> field_transforms();  // InsertField, ReplaceField, MaskField, ...
std::span<const TransformClass>
structure_transforms();                               // HoistField, ExtractField, ValueToKey, ...
std::span<const TransformClass> value_transforms();   // Cast, TimestampConverter
std::span<const TransformClass> record_transforms();  // RegexRouter, Filter, headers, ...
std::span<const PredicateClass> transform_predicates();

}  // namespace engine
