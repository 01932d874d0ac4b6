-- What a rejected or failed image was before a person approved it (status, stage, error_code, reason), so that the
-- approval can be taken back. Set right before its file goes to the output folder: on an image that is not approved it
-- tells of an approval that was cut off there.
ALTER TABLE images ADD COLUMN before_approval TEXT CHECK (before_approval IS NULL OR json_valid(before_approval));
