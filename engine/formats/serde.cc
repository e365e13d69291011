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
  if (problems.size() < kMaxProblems) problems.push_back({row, std::move(message)});
}

void EncodedRows::clear() {
  bytes.clear();
  ends.clear();
  present.resize(0, false);
  problems.clear();
}

void EncodedRows::close(bool is_present) {
  ends.push_back(bytes.size());
  present.push_back(is_present);
}

void EncodedRows::fail(size_t row, size_t begin, std::string message) {
  bytes.resize(begin);
  close(false);
  problems.push_back({row, std::move(message)});
}

}  // namespace engine
