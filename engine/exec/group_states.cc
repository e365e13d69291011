#include "engine/exec/group_states.h"

#include "base/bytes.h"

namespace engine {

GroupStates::GroupStates(const std::vector<AggregateInstance>& instances) : instances_(instances) {
  size_t at = 0;
  for (const AggregateInstance& instance : instances_) {
    const Accumulator& accumulator = instance.def->accumulator;
    at = (at + accumulator.state_align - 1) / accumulator.state_align * accumulator.state_align;
    offsets_.push_back(at);
    at += accumulator.state_size;
  }
  memory_ = std::make_unique<std::byte[]>(at + 1);
  init();
}

GroupStates::~GroupStates() { destroy(); }

void GroupStates::init() {
  for (size_t call = 0; call < instances_.size(); ++call)
    instances_[call].def->accumulator.init(instances_[call], at(call));
}

void GroupStates::destroy() {
  for (size_t call = 0; call < instances_.size(); ++call)
    if (const auto destroy = instances_[call].def->accumulator.destroy)
      destroy(instances_[call], at(call));
}

void GroupStates::reset() {
  destroy();
  init();
}

Status GroupStates::decode(std::string_view bytes) {
  reset();
  ByteReader in(bytes);
  for (size_t call = 0; call < instances_.size(); ++call) {
    const std::string_view part = in.bytes(in.varint());
    if (!in.ok()) break;
    TRY(instances_[call].def->accumulator.decode(instances_[call], at(call), part));
  }
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::CorruptRecord, "a stored session does not fit its aggregation"};
  return {};
}

void GroupStates::encode(std::string& out) const {
  std::string part;
  for (size_t call = 0; call < instances_.size(); ++call) {
    part.clear();
    instances_[call].def->accumulator.encode(instances_[call], at(call), part);
    append_varint(out, part.size());
    out += part;
  }
}

Status GroupStates::merge(const GroupStates& other) {
  for (size_t call = 0; call < instances_.size(); ++call)
    TRY(instances_[call].def->accumulator.merge(instances_[call], at(call), other.at(call)));
  return {};
}

}  // namespace engine
