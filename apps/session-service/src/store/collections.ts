export { SESSION_COLLECTIONS as COLLECTIONS } from '@orbitmesh/storage';
