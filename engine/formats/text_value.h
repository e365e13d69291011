// Parses values from texts that people write or clients of PostgreSQL send: fields of COPY, and
// parameters of prepared statements. engine/types/text_postgres.h does the reverse.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/column.h"
#include "engine/types/text_forms.h"

namespace engine {

// Parses texts of one type: BOOLEAN as in PostgreSQL (t, yes, on, 1, ...); DECIMAL, which is
// rounded to its scale; BYTES as \x00ff or with octal escapes; dates and times as in PostgreSQL,
// with the date order of `forms` and, unless the text has a zone, its time zone; ARRAY as
// {1,NULL,"a b"} or as JSON; MAP and STRUCT as JSON. Blanks around a value are ignored, except for
// STRING and BYTES.
//
// Threads: one at a time.
class TextValueReader {
 public:
  // `what` names the value in errors: "column AMOUNT", "parameter $1".
  TextValueReader(SqlType type, std::string what, TextForms forms = {});
  ~TextValueReader();
  TextValueReader(TextValueReader&&) noexcept;

  // Appends the value to a column of the type. Appends nothing if it fails. Strings are copied.
  //   InvalidText      invalid input for column AMOUNT (DECIMAL(10, 2)): "12,5O"
  //   InvalidDatetime  the same for DATE, TIME and TIMESTAMP
  //   OutOfRange       value out of range for column AMOUNT (DECIMAL(10, 2)): "1e30"
  //   InvalidEncoding  a STRING that is not UTF-8
  Status append(std::string_view text, Column& column);

 private:
  struct Json;
  Status append_array(std::string_view text, Column& column);
  Status append_json(std::string_view text, Column& column);
  Status append_record(std::string_view text, Column& column);
  Error refused(ErrorCode code, std::string_view text) const;

  SqlType type_;
  std::string what_;
  TextForms forms_;
  std::unique_ptr<TextValueReader> element_;  // reader of the elements of an ARRAY
  std::vector<TextValueReader> fields_;       // readers of the fields of a composite type
  // reader of nested types; made when it is first needed
  std::unique_ptr<Json> json_;
};

// Parses one value. For several values of the same type, keep a TextValueReader.
Result<Value> parse_text_value(const SqlType& type, std::string_view text, std::string what,
                               TextForms forms = {});

}  // namespace engine
