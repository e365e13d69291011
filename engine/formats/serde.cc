#include "engine/formats/reader.h"
#include "engine/formats/writer.h"

namespace engine {

void RowStatus::clear() {
  states.clear();
  problems.clear();
  errors = 0;
}

void RowStatus::fail(size_t row, std::string message) {
  states[row] = RowState::Error;
  ++errors;
  if (problems.size() < kMaxProblems)
    problems.push_back({row, std::move(message)});
  else
    problems.back() = {row, std::move(message)};
}

void EncodedRows::clear() {
  bytes.clear();
  ends.clear();
  present.resize(0, false);
  problems.clear();
}

void EncodedRows::close(size_t end, bool is_present) {
  ends.push_back(end);
  present.push_back(is_present);
}

}  // namespace engine
