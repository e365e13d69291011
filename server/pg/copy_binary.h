// Reads and writes the binary format of COPY: a signature, then rows, each with its number of fields, and -1 as the
// end.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/pg/copy_reader.h"
#include "server/pg/row_encoder.h"

namespace server::pg {

// The bytes before the first row: the signature, no flags, no extension.
inline constexpr std::string_view kCopySignature{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};

std::unique_ptr<CopyReader> make_binary_copy_reader(std::vector<sql::ResultColumn> columns,
                                                    std::string source,
                                                    std::shared_ptr<ClientEncoding> encoding);
std::unique_ptr<RowEncoder> make_binary_copy_encoder(std::vector<sql::ResultColumn> columns,
                                                     std::shared_ptr<ClientEncoding> encoding);

}  // namespace server::pg
