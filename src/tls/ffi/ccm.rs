//! AES-CCM of records on AWS-LC (RFC 6655). Its AEAD interface has no CCM with nonces of 12 bytes; its ciphers have.

use super::Refused;
use aws_lc_sys as lc;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

/// Bytes of a nonce (RFC 6655 section 3).
const NONCE_LENGTH: usize = 12;

/// AES-CCM with one key.
pub(crate) struct Ccm {
    /// The context is made in `new`, freed in `drop`, and used by nobody else.
    context: *mut lc::EVP_CIPHER_CTX,
    /// What the context was used for last; most contexts are used for one thing alone.
    task: Cell<Option<Task>>,
}

/// What a context has to be told before it takes a nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// To seal with tags of so many bytes.
    Seal(usize),
    Open,
}

// SAFETY: the context is owned, and belongs to no thread.
unsafe impl Send for Ccm {}

impl Ccm {
    /// `None` for keys that AES does not have.
    pub(crate) fn new(key: &[u8]) -> Option<Ccm> {
        // SAFETY: these functions take nothing, and answer with static objects.
        let cipher = unsafe {
            match key.len() {
                16 => lc::EVP_aes_128_ccm(),
                32 => lc::EVP_aes_256_ccm(),
                _ => return None,
            }
        };
        // SAFETY: takes nothing.
        let context = unsafe { lc::EVP_CIPHER_CTX_new() };
        if context.is_null() {
            return None;
        }
        let ccm = Ccm { context, task: Cell::new(None) };
        // SAFETY: the context is new; the key, which has the cipher's length, is copied.
        let is_set = unsafe {
            lc::EVP_CipherInit_ex(context, cipher, null_mut(), null(), null(), 1) == 1
                && ccm.control(lc::EVP_CTRL_AEAD_SET_IVLEN, NONCE_LENGTH, null_mut())
                && lc::EVP_CipherInit_ex(context, null(), null_mut(), key.as_ptr(), null(), 1) == 1
        };
        is_set.then_some(ccm)
    }

    /// Encrypts in place; the tag fills `tag`.
    pub(crate) fn seal(&self, nonce: &[u8], additional: &[u8], data: &mut [u8], tag: &mut [u8]) -> Result<(), Refused> {
        let length = tag.len();
        self.begin(nonce, additional, data.len(), length, None)?;
        self.process(data)?;
        let tag = tag.as_mut_ptr().cast();
        // SAFETY: the tag has room for as many bytes as the context was told.
        if unsafe { self.control(lc::EVP_CTRL_AEAD_GET_TAG, length, tag) } { Ok(()) } else { Err(Refused) }
    }

    /// Decrypts in place; `data` is wiped when the tag is wrong.
    pub(crate) fn open(&self, nonce: &[u8], additional: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), Refused> {
        self.begin(nonce, additional, data.len(), tag.len(), Some(tag))?;
        self.process(data)
    }

    /// Everything that comes before the data: without a tag to compare with, the data is to be encrypted.
    fn begin(
        &self,
        nonce: &[u8],
        additional: &[u8],
        length: usize,
        tag_length: usize,
        tag: Option<&[u8]>,
    ) -> Result<(), Refused> {
        let sealing = c_int::from(tag.is_none());
        let task = if tag.is_none() { Task::Seal(tag_length) } else { Task::Open };
        // Whatever fails has it told anew.
        let goes_on = self.task.take() == Some(task);
        let is_told = goes_on && tag.is_none();
        let tag = tag.map_or(null_mut(), |tag| tag.as_ptr().cast_mut().cast::<c_void>());
        // Without additional data the context would go on with what the last record left behind.
        let is_plausible = nonce.len() == NONCE_LENGTH && !additional.is_empty();
        // SAFETY: the nonce has the length that was set in `new`; the tag, if any, is read and has its length; a null
        // output announces the length of the data, and then takes the additional data, which is readable for its
        // length.
        let is_ready = is_plausible
            && unsafe {
                (goes_on || lc::EVP_CipherInit_ex(self.context, null(), null_mut(), null(), null(), sealing) == 1)
                    && (is_told || self.control(lc::EVP_CTRL_AEAD_SET_TAG, tag_length, tag))
                    && lc::EVP_CipherInit_ex(self.context, null(), null_mut(), null(), nonce.as_ptr(), sealing) == 1
                    && lc::EVP_Cipher(self.context, null_mut(), null(), length) >= 0
                    && lc::EVP_Cipher(self.context, null_mut(), additional.as_ptr(), additional.len()) >= 0
            };
        if !is_ready {
            return Err(Refused);
        }
        self.task.set(Some(task));
        Ok(())
    }

    fn process(&self, data: &mut [u8]) -> Result<(), Refused> {
        // SAFETY: AWS-LC works in place when output is input, and writes as many bytes as it reads.
        let written = unsafe { lc::EVP_Cipher(self.context, data.as_mut_ptr(), data.as_ptr(), data.len()) };
        if usize::try_from(written) == Ok(data.len()) { Ok(()) } else { Err(Refused) }
    }

    /// # Safety
    ///
    /// `value` is what this control takes.
    unsafe fn control(&self, control: c_int, number: usize, value: *mut c_void) -> bool {
        // A number that C cannot take is longer than whatever it could mean.
        let number = c_int::try_from(number).unwrap_or(c_int::MAX);
        // SAFETY: the caller's.
        unsafe { lc::EVP_CIPHER_CTX_ctrl(self.context, control, number, value) == 1 }
    }
}

impl Drop for Ccm {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once; the key is wiped.
        unsafe { lc::EVP_CIPHER_CTX_free(self.context) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [0x42; 16];
    const NONCE: [u8; 12] = [7; 12];

    fn sealed(length: usize, tag_length: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut data, mut tag) = (vec![0x5a; length], vec![0; tag_length]);
        Ccm::new(&KEY).unwrap().seal(&NONCE, &[1; 13], &mut data, &mut tag).unwrap();
        (data, tag)
    }

    #[test]
    fn opens_what_it_has_sealed_and_nothing_else() {
        let ccm = Ccm::new(&KEY).unwrap();
        for (length, tag_length) in [(0, 8), (1, 8), (64, 8), (64, 16), (16_384, 8)] {
            let (data, tag) = sealed(length, tag_length);
            let mut plain = data.clone();
            ccm.open(&NONCE, &[1; 13], &mut plain, &tag).unwrap();
            assert_eq!(plain, vec![0x5a; length]);

            let mut forged = tag.clone();
            forged[0] ^= 1;
            assert!(ccm.open(&NONCE, &[1; 13], &mut data.clone(), &forged).is_err());
            assert!(ccm.open(&NONCE, &[2; 13], &mut data.clone(), &tag).is_err());
            assert!(ccm.open(&[8; 12], &[1; 13], &mut data.clone(), &tag).is_err());
            // The failures have left nothing behind.
            ccm.open(&NONCE, &[1; 13], &mut data.clone(), &tag).unwrap();
        }
    }

    #[test]
    fn goes_from_one_task_to_another_as_if_each_had_a_context_of_its_own() {
        let ccm = Ccm::new(&KEY).unwrap();
        for tag_length in [8, 8, 16, 8, 16, 16] {
            let (mut data, mut tag) = (vec![0x5a; 20], vec![0; tag_length]);
            ccm.seal(&NONCE, &[1; 13], &mut data, &mut tag).unwrap();
            assert_eq!((&data, &tag), (&sealed(20, tag_length).0, &sealed(20, tag_length).1));
            // What is refused in between has it told anew.
            assert!(ccm.seal(&NONCE, &[], &mut [0; 4], &mut [0; 8]).is_err());
            assert!(ccm.seal(&NONCE, &[1; 13], &mut [0; 4], &mut [0; 7]).is_err());
            for tag_length in [16, 8, 8] {
                let (mut data, tag) = sealed(20, tag_length);
                assert!(ccm.open(&NONCE, &[1; 13], &mut data.clone(), &vec![0; tag_length]).is_err());
                ccm.open(&NONCE, &[1; 13], &mut data, &tag).unwrap();
                assert_eq!(data, [0x5a; 20]);
            }
        }
    }

    #[test]
    fn refuses_what_is_not_for_tls() {
        assert!(Ccm::new(&[0; 15]).is_none());
        let ccm = Ccm::new(&KEY).unwrap();
        assert!(ccm.seal(&[0; 13], &[1; 13], &mut [0; 4], &mut [0; 8]).is_err());
        assert!(ccm.seal(&NONCE, &[], &mut [0; 4], &mut [0; 8]).is_err());
        assert!(ccm.seal(&NONCE, &[1; 13], &mut [0; 4], &mut [0; 7]).is_err());
    }
}
