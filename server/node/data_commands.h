// The commands that look after a data directory: millrace check, backup and restore.
#pragma once

namespace server {

// argv[0] is the command's name. They return the exit status: 0, 1 when something is damaged or could not
// be done, 2 when the command line was wrong.
int run_check_command(int argc, const char* const* argv);
int run_backup_command(int argc, const char* const* argv);
int run_restore_command(int argc, const char* const* argv);

}  // namespace server
