#include "engine/exec/exchange_progress.h"

#include "base/bytes.h"

namespace engine {

namespace {

// first byte of a progress record; differs from the first byte of a block
constexpr uint8_t kProgress = 32;

}  // namespace

std::string encode_progress(const ExchangeProgress& progress) {
  std::string out(1, static_cast<char>(kProgress));
  append_varint(out, zigzag(progress.time_from));
  append_varint(out, progress.next.size());
  for (const Offset next : progress.next) append_varint(out, static_cast<uint64_t>(next.value()));
  return out;
}

Result<ExchangeProgress> decode_progress(std::string_view bytes) {
  ByteReader in(bytes);
  ExchangeProgress progress;
  if (in.be<uint8_t>() != kProgress) in.fail();
  progress.time_from = in.signed_varint();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    progress.next.emplace_back(static_cast<int64_t>(in.varint()));
  if (in.ok() && in.at_end()) return progress;
  return Error{ErrorCode::CorruptRecord,
               "a record of an exchange does not have the progress of its writer"};
}

}  // namespace engine
