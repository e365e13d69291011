#include "server/pg/copy_input.h"

#include <cassert>
#include <utility>

#include "engine/types/ascii.h"
#include "server/pg/client_encoding.h"
#include "server/pg/messages.h"

namespace server::pg {

namespace {

// A portion of rows is large enough to be worth a call of the backend, and small enough for the
// processor's caches: portions four times as large took three milliseconds, and each row took
// longer.
constexpr size_t kPortionRows = 1024, kPortionBytes = 64 * 1024;

sql::CopyTarget target_of(const engine::Copy& copy, const CopyOptions& options) {
  return {copy.source, copy.source_position, copy.columns,
          options.format == CopyFormat::Json ? sql::CopyContents::JsonObjects
                                             : sql::CopyContents::Columns};
}

}  // namespace

CopyInput::CopyInput(SessionContext& context, const engine::Copy& copy, CopyOptions options,
                     std::function<void()> on_event, MemoryAccount* memory)
    : context_(context),
      target_(target_of(copy, options)),
      options_(std::move(options)),
      on_event_(std::move(on_event)),
      memory_(memory),
      charge_(memory, MemoryKind::Copy) {}

Status CopyInput::begin() {
  copy_ = TRY(context_.backend->begin_copy(target_, *this));
  TRY(check_forced_columns(options_, copy_->columns));
  std::string name = target_.source.text;
  reader_ = make_copy_reader(options_, copy_->columns, engine::display_name(name),
                             context_.encoding, context_.forms);
  if (options_.format != CopyFormat::Binary) encoding_ = context_.encoding;
  if (encoding_) encoding_->begin_stream();
  const bool is_json = target_.contents == sql::CopyContents::JsonObjects;
  context_.writer().copy_in(is_json ? 1 : copy_->columns.size(),
                            options_.format == CopyFormat::Binary ? Format::Binary : Format::Text);
  return {};
}

bool CopyInput::wants_data() const { return !is_waiting_ && !has_ended_ && !error_; }

void CopyInput::add(std::string_view piece) {
  assert(wants_data() && piece.size() <= kPieceBytes);
  if (Status read = read_piece(piece, false); !read) {
    error_ = std::move(read).error();
    return;
  }
  if (const size_t held = reader_->held_bytes(); !charge_.try_resize(held)) {
    error_ = memory_->refusal("an unfinished line of COPY, " + format_bytes(held));
    return;
  }
  if (reader_->row_count() >= kPortionRows || reader_->size_bytes() >= kPortionBytes) hand_over();
}

void CopyInput::end() {
  has_ended_ = true;
  Status read = encoding_ ? read_piece("", true) : Status();
  if (read) read = reader_->end();
  if (!read) {
    error_ = std::move(read).error();
    return;
  }
  hand_over();
  if (!error_) copy_->finish();
}

Status CopyInput::read_piece(std::string_view piece, bool is_last) {
  if (!encoding_) return reader_->add(piece);
  return reader_->add(TRY(encoding_->stream_from_client(piece, is_last)));
}

void CopyInput::hand_over() {
  if (reader_->row_count() == 0) return;
  if (copy_->append(reader_->take_rows()) == sql::Pace::Wait) is_waiting_ = true;
}

Result<Progress> CopyInput::advance() {
  if (error_) {
    if (copy_->is_committing()) return Progress::Waiting;
    Error error = explained(*std::move(error_));
    copy_.reset();
    return error;
  }
  if (!row_count_) return Progress::Waiting;
  send_notices(context_, std::exchange(notices_, {}));
  context_.writer().command_complete("COPY " + std::to_string(*row_count_));
  return Progress::Finished;
}

void CopyInput::cancel(Error reason) {
  // After the end of the input, a cancel has no effect: only the backend reports the result.
  if (!has_ended_ && !error_) error_ = std::move(reason);
}

Error CopyInput::explained(Error error) const {
  const uint64_t committed = copy_->committed_rows();
  std::string fate = committed == 0
                         ? "Nothing was inserted."
                         : "The first " + std::to_string(committed) + " rows were inserted.";
  // After a network failure it is unknown whether, and how much of, the last block was written.
  const bool is_known = error.code != ErrorCode::NetworkFailure;
  if (committed > 0 || is_known)
    error.detail = error.detail.empty() ? std::move(fate) : error.detail + " " + fate;
  return error;
}

void CopyInput::on_copy_drained() {
  is_waiting_ = false;
  on_event_();
}
void CopyInput::on_copy_done(uint64_t row_count) {
  row_count_ = row_count;
  on_event_();
}
void CopyInput::on_copy_error(Error error) {
  if (!error_) error_ = std::move(error);
  on_event_();
}

}  // namespace server::pg
