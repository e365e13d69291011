// The transforms of a connector's configuration, in their order: "transforms", "transforms.NAME.type", the options of
// each, and the predicates ("predicates", "predicates.NAME.type", "transforms.NAME.predicate", "transforms.NAME.negate").
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/connect/transforms/record_forms.h"
#include "engine/connect/transforms/transform.h"

namespace engine {

// Threads: any number at the same time. Owner: shared by the tasks of a connector.
class TransformChain {
 public:
  struct Step {
    std::string name;
    std::unique_ptr<Transform> transform;
    std::shared_ptr<const TransformPredicate> predicate;  // null: the step is for all records
    bool is_negated = false;
    bool is_for(const ConnectRecord& record) const {
      return predicate == nullptr || predicate->holds(record) != is_negated;
    }
  };
  TransformChain(std::vector<Step> steps, RecordForms forms);

  bool is_empty() const { return steps_.empty(); }
  // Returns false if the record is dropped. An error's message begins with the name of the transform.
  Result<bool> apply(ConnectRecord& record) const;

  // A record with its key and value as bytes.
  struct Bytes {
    std::optional<std::string> key, value;
  };
  // Decodes the parts of the record that the transforms use, applies the transforms, and encodes
  // these parts again. `bytes` has key and value. `record` has all other parts; its key and value
  // are ignored. After an error `bytes` is unchanged.
  Result<bool> apply(ConnectRecord& record, Bytes& bytes) const;

  // Returns all topics to which the transforms may send records of this topic.
  std::vector<std::string> topics_of(const std::string& topic) const;
  // Returns whether a record's time decides about its topic. topics_of() then leaves topics out.
  bool routes_by_time() const;
  // Returns whether all records of a topic get the same topic.
  bool routes_whole_topics() const;

 private:
  const std::vector<Step> steps_;
  const RecordForms forms_;
  bool uses_key_ = false, uses_value_ = false;
};

struct TransformsResult {
  std::shared_ptr<const TransformChain> chain;  // null: a property is wrong
  std::vector<WrongProperty> wrong;
};
// Reads the transforms of a configuration in which the references to secrets have been replaced.
TransformsResult read_transforms(const ConnectorProperties& config, const RecordForms& forms,
                                 ConnectorType type);

// Returns the classes that are built in, with package and side, as GET /connector-plugins lists them.
std::vector<std::string> transform_class_names();
std::vector<std::string> predicate_class_names();

// Returns whether read_transforms() reads the property, so that it is not reported as unknown.
bool is_transform_property(const ConnectorProperties& config, std::string_view property);

}  // namespace engine
