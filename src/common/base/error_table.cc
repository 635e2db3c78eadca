// The table behind `consilium explain` and docs/errors.md: one row per error code.
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include "common/base/error.h"

namespace consilium {
namespace {

using enum absl::StatusCode;
using Code = ErrorCode;

// Exit codes: what a script can tell apart.
constexpr int kFailed = 1;
constexpr int kNoConnection = 2;
constexpr int kLate = 3;
constexpr int kBadInput = 4;
constexpr int kForbidden = 5;

constexpr ErrorRow kUsageRows[] = {
    {Code::kUsage, kInvalidArgument, kBadInput, "the command line is not understood",
     "A flag, a verb or an argument is unknown, missing, or has a value of the wrong form.",
     "Run the command with --help: it lists every flag with an example."},
    {Code::kFileNotFound, kNotFound, kBadInput, "file not found",
     "The named file, or the folder that it should lie in, does not exist.",
     "Check the path; a relative path starts at the folder the command was started in."},
    {Code::kFileUnreadable, kPermissionDenied, kBadInput, "file cannot be read",
     "The file exists, but this user may not read it or it is not a regular file.",
     "Look at its owner and mode with `ls -l`, and run as a user who may read it."},
    {Code::kFileExists, kAlreadyExists, kBadInput, "file exists already",
     "The command would write over a file that is there, and it never does that unasked.",
     "Choose another name, or remove the file first."},
    {Code::kFileTooLarge, kOutOfRange, kBadInput, "file is too large",
     "The file is above the bound that its kind has, so it was not read into memory.",
     "Check that it is the right file; the message names the bound."},
    {Code::kUnknownErrorCode, kNotFound, kBadInput, "no such error code",
     "`consilium explain` was asked for a code that is not in its table.",
     "Write it as it was printed, such as CN0203; docs/errors.md lists all codes."},
    {Code::kLab, kFailedPrecondition, kFailed, "the lab could not do that",
     "The federation on this machine did not start, did not stop, or is already there.",
     "Run `consilium lab status`, read the logs it names, then `consilium lab down` and again."},
    {Code::kInternal, kInternal, kFailed, "a fault of the program itself",
     "Something that should be impossible happened. What was durable before is still there.",
     "Please report it with the message and the log lines around it."},
};

constexpr ErrorRow kJobRows[] = {
    {Code::kJobSyntax, kInvalidArgument, kBadInput, "the job file is not valid TOML",
     "The file cannot be parsed at the given line and column.",
     "Correct that line: strings need quotes, tables need [brackets], keys occur once."},
    {Code::kJobUnknownKey, kInvalidArgument, kBadInput, "unknown key in the job file",
     "The job names a key that does not exist. It is refused because a typing error that is "
     "ignored would train something else than was meant.",
     "Use the nearest valid name given in the message, or remove the key."},
    {Code::kJobWrongType, kInvalidArgument, kBadInput, "wrong type in the job file",
     "The value has another type than its key wants, such as a text for a number.",
     "Write the value as the message says; durations are texts such as \"5m\"."},
    {Code::kJobMissingKey, kInvalidArgument, kBadInput, "a key is missing in the job file",
     "The job lacks a key that has no default.",
     "Add the key that the message names, then run `consilium job check FILE`."},
    {Code::kJobOutOfRange, kInvalidArgument, kBadInput, "value out of range in the job file",
     "The value has the right type but is outside what its key allows.",
     "Choose a value within the bounds that the message names."},
    {Code::kJobConflict, kInvalidArgument, kBadInput, "impossible combination in the job file",
     "Two settings, each valid alone, cannot hold together.",
     "Change one of the settings that the message names."},
    {Code::kJobNotFound, kNotFound, kBadInput, "no such job", "The server has no job with this id.",
     "List the jobs with `consilium jobs`; the first digits of an id are enough when unique."},
    {Code::kJobExists, kAlreadyExists, kBadInput, "the job exists already",
     "A job with this id was submitted before, with other content.",
     "Look at it with `consilium show ID`; submit again to get a new id."},
    {Code::kJobFailed, kAborted, kFailed, "the job failed",
     "The job ended without a final model. Its report names the step and every site.",
     "Read `consilium show ID`: it says what ended the job and what each site answered."},
    {Code::kJobCancelled, kCancelled, kFailed, "the job was cancelled",
     "A person with the right to do so cancelled the job. Committed rounds are kept.",
     "Submit it again if that was not meant; `consilium show ID` names who cancelled it."},
    {Code::kTooManyJobs, kResourceExhausted, kFailed, "too many open jobs",
     "The server has as many queued and running jobs as it accepts.",
     "Wait until some have ended, or cancel those nobody needs."},
};

constexpr ErrorRow kConfigRows[] = {
    {Code::kConfigSyntax, kInvalidArgument, kBadInput, "the configuration is not valid TOML",
     "The file cannot be parsed at the given line and column.",
     "Correct that line: strings need quotes, tables need [brackets], keys occur once."},
    {Code::kConfigUnknownKey, kInvalidArgument, kBadInput, "unknown key in the configuration",
     "The configuration names a key that does not exist; nothing is ignored silently.",
     "Use the nearest valid name given in the message, or remove the key."},
    {Code::kConfigWrongType, kInvalidArgument, kBadInput, "wrong type in the configuration",
     "The value has another type than its key wants, such as a text for a number.",
     "Write the value as the message says; durations are texts such as \"5m\"."},
    {Code::kConfigMissingKey, kInvalidArgument, kBadInput, "a key is missing in the configuration",
     "The configuration lacks a key that has no default.",
     "Add the key that the message names, in the file, the environment or as a flag."},
    {Code::kConfigOutOfRange, kInvalidArgument, kBadInput,
     "value out of range in the configuration",
     "The value has the right type but is outside what its key allows.",
     "Choose a value within the bounds that the message names."},
    {Code::kConfigConflict, kInvalidArgument, kBadInput,
     "impossible combination in the configuration",
     "Two settings, each valid alone, cannot hold together.",
     "Change one of the settings that the message names."},
};

constexpr ErrorRow kDataRows[] = {
    {Code::kDatasetUnknown, kNotFound, kBadInput, "no such dataset at this site",
     "The job names a dataset that the site's client.toml does not define.",
     "Add a [datasets.NAME] table at the site, or correct `dataset` in the job."},
    {Code::kDataSyntax, kInvalidArgument, kBadInput, "the data file cannot be parsed",
     "A line has too few or too many fields, an open quote, or bytes that are not UTF-8.",
     "Correct the line that the message names; check the separator and the header setting."},
    {Code::kDataMissingColumn, kInvalidArgument, kBadInput, "a column is missing",
     "The job uses a column that the dataset does not have under this name.",
     "Map it in [datasets.NAME.columns] of client.toml, or correct the name in the job."},
    {Code::kDataBadCell, kInvalidArgument, kBadInput, "a cell does not have its column's type",
     "A cell is neither a number nor one of the missing markers. Its value is never shown.",
     "Correct the cell at the place named, or add its text to the missing markers."},
    {Code::kDataUnknownLevel, kInvalidArgument, kBadInput, "a category has an unknown level",
     "A cell holds a level that the job does not list for this column.",
     "Add the level to the job's feature, or map it at the site."},
    {Code::kDataTooFewRows, kFailedPrecondition, kBadInput, "too few rows",
     "After filter, split and dropping incomplete rows, too few rows are left to train on.",
     "Check the filter and the missing markers; the counts are in the site's log."},
    {Code::kDataFilter, kInvalidArgument, kBadInput, "the filter is not understood",
     "The expression in `filter` has an error at the given place, or names no column.",
     "Write comparisons joined by `and`, `or`, `not`, such as \"site == 0 and age >= 18\"."},
    {Code::kDataOneClass, kFailedPrecondition, kBadInput, "the label has one class only",
     "All rows left have the same label, and what was asked needs both.",
     "Check the label mapping (`positive = [...]`) and the filter."},
    {Code::kDataTooLarge, kResourceExhausted, kBadInput, "the dataset is too large",
     "The dataset does not fit the bounds that [limits] in client.toml sets.",
     "Raise the limit if the machine has the memory, or narrow the filter."},
};

constexpr ErrorRow kAccessRows[] = {
    {Code::kNotAuthenticated, kUnauthenticated, kForbidden, "not authenticated",
     "The call came without a certificate that this federation's authority signed.",
     "Give the certificate and key that `consilium pki issue` made for this identity."},
    {Code::kNotAllowed, kPermissionDenied, kForbidden, "not allowed",
     "The caller's role or identity has no right to this call. What has no right is refused.",
     "Use an identity with the role named in the message, or ask who operates the server."},
    {Code::kBadIdentity, kInvalidArgument, kForbidden, "not a valid identity",
     "The identity is not of the form spiffe://FEDERATION/ROLE/ID, or a certificate has none or "
     "several.",
     "Issue the certificate again with `consilium pki issue`; an external authority must set "
     "exactly one URI SAN."},
    {Code::kCertificateExpired, kUnauthenticated, kForbidden, "the certificate is not valid now",
     "The certificate has expired or is not valid yet, by this machine's clock.",
     "Check the clock; if it is right, issue a new certificate with `consilium pki issue`."},
    {Code::kWrongRole, kPermissionDenied, kForbidden, "the peer has the wrong role",
     "The other side's certificate is valid but does not carry the role that was expected.",
     "Check the address, and that both sides use the certificate made for their role."},
    {Code::kKeyUnreadable, kFailedPrecondition, kBadInput, "the private key cannot be used",
     "The key file cannot be read or parsed, or does not belong to the certificate.",
     "Check path, owner and mode; key and certificate must come from the same issue."},
    {Code::kKeyTooOpen, kFailedPrecondition, kBadInput, "the private key is readable by others",
     "The key file's mode lets other users read it.",
     "Run `chmod 600` on the key file; if others may have read it, issue a new one."},
    {Code::kBadCertificate, kInvalidArgument, kForbidden, "the certificate is not acceptable",
     "It cannot be parsed, is not signed by this authority, or lacks the right key usage.",
     "Look at it with `consilium pki show FILE` and compare it with the authority's."},
    {Code::kTlsSettings, kFailedPrecondition, kBadInput, "the TLS settings do not work together",
     "The TLS library refused the certificate, key and authority as they were given.",
     "Check that the three files belong together with `consilium pki show`."},
    {Code::kPolicyRefused, kPermissionDenied, kForbidden, "refused by the site's policy",
     "The site's own policy does not allow this job or task. The rule is named.",
     "Ask the site; whoever runs it may widen [policy] in its client.toml."},
    {Code::kFenced, kAborted, kFailed, "replaced by a newer connection",
     "The same site attended again; the older connection may do nothing any more.",
     "If only one client should run with this identity, stop the other one."},
    {Code::kAuthorityExists, kAlreadyExists, kBadInput, "the authority exists already",
     "The folder holds an authority. Making another would orphan every certificate of it.",
     "Use the one that is there, or name another folder."},
};

constexpr ErrorRow kTransportRows[] = {
    {Code::kCannotConnect, kUnavailable, kNoConnection, "cannot connect",
     "No server answered at the address, or the secure connection could not be made.",
     "Check address and port, that the server runs, and the authority both sides trust."},
    {Code::kConnectionLost, kUnavailable, kNoConnection, "the connection was lost",
     "The connection ended before the call was complete. What was durable stays.",
     "Run the command again; jobs go on without it."},
    {Code::kTimedOut, kDeadlineExceeded, kLate, "timed out",
     "The time given for this wait has passed. The job itself is not touched.",
     "Wait again with a longer --timeout, or look with `consilium show ID`."},
    {Code::kMessageTooLarge, kResourceExhausted, kFailed, "the message is too large",
     "A message, upload or field is above its bound, so it was refused before it was read.",
     "The message names the bound: make the content smaller or raise it at the server."},
    {Code::kProtocol, kInvalidArgument, kFailed, "the peer broke the protocol",
     "A message was malformed, came at the wrong moment, or contradicts an earlier one.",
     "Check that both sides run matching versions; report it if they do."},
    {Code::kVersion, kFailedPrecondition, kFailed, "versions do not match",
     "The two sides have no protocol version in common, or one lacks a needed capability.",
     "Update the older side; the message names both versions."},
    {Code::kPortInUse, kUnavailable, kBadInput, "the port is in use",
     "Another process listens on the address already.",
     "Stop it (`ss -ltnp` names it), or set another port in the configuration."},
    {Code::kOverloaded, kResourceExhausted, kFailed, "too busy now",
     "A bounded queue is full. Refusing now keeps memory bounded.",
     "Try again in a moment; clients of ours do so by themselves."},
};

constexpr ErrorRow kRoundRows[] = {
    {Code::kUpdateNotFinite, kInvalidArgument, kFailed, "the update holds NaN or infinity",
     "A value of the update is not a finite number. The site's update is not counted.",
     "Lower the learning rate or clip the update; look for extreme values in the data."},
    {Code::kUpdateOutOfBound, kInvalidArgument, kFailed, "the update is above its bound",
     "A value is larger than the bound its tensor declares. The update is not counted.",
     "Clip the update in the job, or raise the bound where the job sets it."},
    {Code::kUpdateLayout, kInvalidArgument, kFailed, "the update has another layout",
     "Names, shapes or types of the tensors are not those that this step announced.",
     "Check that site and server run matching versions of the workload."},
    {Code::kUpdateDigest, kDataLoss, kFailed, "the update's digest does not match",
     "The bytes that arrived are not the bytes that were announced. Nothing was counted.",
     "The upload starts again by itself; if it repeats, check the site's disk and memory."},
    {Code::kUpdateWeight, kInvalidArgument, kFailed, "the update's weight is not acceptable",
     "The sample count is zero or above what an update may carry.",
     "Check the number of training rows at the site."},
    {Code::kUpdateUnknownTask, kNotFound, kFailed, "no such task is open",
     "The update belongs to a step that is closed, or that this site was not given.",
     "Nothing to do: the outcome of the step tells the site what became of it."},
    {Code::kUpdateConflict, kAlreadyExists, kFailed, "another update was accepted already",
     "For this job, step and site an update with another digest has been accepted.",
     "Nothing is lost; if it repeats, check that only one client runs with this identity."},
    {Code::kTooFewSites, kFailedPrecondition, kFailed, "too few sites",
     "Fewer sites than `min_sites`, or not all `required_sites`, were counted.",
     "See `consilium sites` and the round's report: each missing site has a reason."},
    {Code::kTooManyFailedRounds, kAborted, kFailed, "too many failed rounds",
     "As many rounds failed as `max_failed_rounds` allows, so the job ended.",
     "Read the reasons in `consilium show ID` before submitting again."},
    {Code::kSumOverflow, kOutOfRange, kFailed, "the exact sum would overflow",
     "Bounds, weights and number of sites together exceed what the accumulator can hold.",
     "Lower the tensor's bound or the weight cap."},
    {Code::kSupportTooSmall, kPermissionDenied, kForbidden, "a statistic rests on too few rows",
     "A released count or sum would describe fewer rows than `min_cell` allows.",
     "Drop the feature or level named, or use a dataset with more rows."},
    {Code::kLeaseExpired, kDeadlineExceeded, kFailed, "the lease has expired",
     "The site showed no progress within its lease, so the round went on without it.",
     "Check load and network of the site; it takes part again in the next round."},
    {Code::kReplayDiffers, kDataLoss, kFailed, "the replay gave other bits",
     "Redoing the server half from the kept sums gave another digest than was recorded.",
     "Keep the store untouched and report it: the same contributions give the same bits."},
};

constexpr ErrorRow kStorageRows[] = {
    {Code::kStorageIo, kInternal, kFailed, "the disk failed",
     "Reading or writing failed in a way other than a missing file or a full disk.",
     "Check the disk and the kernel's log; then start again: what was durable is there."},
    {Code::kStorageFull, kResourceExhausted, kFailed, "the disk is full",
     "There is no space left, or the quota is used up.",
     "Free some space or enlarge the volume; nothing accepted before is lost."},
    {Code::kJournalCorrupt, kDataLoss, kFailed, "the journal is damaged",
     "A record in the middle of the journal does not verify. Records are never skipped.",
     "Restore the store from a copy; the message names file and byte offset."},
    {Code::kFormatVersion, kFailedPrecondition, kBadInput, "made by a newer version",
     "The file or message has a format version that this program does not know.",
     "Use the version that wrote it, or a newer one."},
    {Code::kStoreLocked, kFailedPrecondition, kBadInput, "the store is in use",
     "Another process holds the lock of this folder.",
     "Stop the other process, or give this one a folder of its own."},
};

constexpr ErrorRow kModelRows[] = {
    {Code::kStateNotFound, kNotFound, kBadInput, "no such state",
     "No state or model with this digest is in the store.",
     "Check the digest; `consilium show ID` lists those of a job, `model put` adds one."},
    {Code::kStateCorrupt, kDataLoss, kFailed, "the state is damaged",
     "The stored bytes do not have the digest that is their name.",
     "Restore the file from a copy; nothing is computed from damaged bytes."},
    {Code::kModelSyntax, kInvalidArgument, kBadInput, "the model file cannot be read",
     "The file is not a model of ours, or it is damaged or cut short.",
     "Get it again with `consilium model get ID -o FILE`."},
    {Code::kModelMismatch, kInvalidArgument, kBadInput, "the model does not fit",
     "Its shapes, features or levels are not those of the job or the data.",
     "Compare the two lists in the message; start from a model made for these features."},
    {Code::kModelNeedsStatistics, kFailedPrecondition, kBadInput,
     "the model needs this site's statistics",
     "It was trained with standardize = \"site\", so each site scales by its own figures.",
     "Run predict at a site that took part in the job, or train with \"federated\"."},
    {Code::kTrainingDiverged, kOutOfRange, kFailed, "training diverged",
     "The loss or a weight became NaN or infinite during local training.",
     "Lower learning_rate, or standardise the features."},
    {Code::kModelNeedsPersonal, kFailedPrecondition, kBadInput,
     "the model needs this site's own weights",
     "Layers of it stay at the sites ([personal] of its job), and this site keeps none for it.",
     "Run predict at a site that took part until the job was done, with its client.toml."},
};

template <size_t... kSizes>
std::vector<ErrorRow> Join(const ErrorRow (&... parts)[kSizes]) {
  std::vector<ErrorRow> rows;
  (rows.insert(rows.end(), std::begin(parts), std::end(parts)), ...);
  return rows;
}

}  // namespace

std::span<const ErrorRow> AllErrorRows() {
  // Never destroyed: an error may still be written at the very end.
  static const std::vector<ErrorRow>& rows =
      *new std::vector<ErrorRow>(Join(kUsageRows, kJobRows, kConfigRows, kDataRows, kAccessRows,
                                      kTransportRows, kRoundRows, kStorageRows, kModelRows));
  return rows;
}

}  // namespace consilium
